"""Adapters of public PRMs on tiny random models of the same architecture, against the maths of each card by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from lm.config import TokenizerKind
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from prm.public.qwen import SEPARATOR
from prm.public.ready import PUBLIC, open_step_prm
from tasks.errors import DataError, UserError

PROMPT, STEPS = "What is 1+1?", ["Step 1: one and one.", "Step 2: 2"]
QWEN_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WIDTH = 32


def tokenizer(*added, template=QWEN_TEMPLATE):
    made = build_tokenizer(TokenizerKind.CHARACTERS, ["x"], 0)
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>", *added]})
    made.chat_template = template
    return made


def qwen2(words):
    return new_tiny_model(tiny_config(WIDTH, words, 512), 3)


def other(kind, config, words):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        sizes = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
        ids = {"bos_token_id": None, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
        made = config(
            vocab_size=len(words), num_key_value_heads=1, max_position_embeddings=512, initializer_range=0.3,
            **sizes, **ids,
        )  # fmt: skip
        return kind(made).eval()


def save(model, words, path, **head):
    """The folder, its architecture's own head among the weights, as a public folder has it."""
    model.save_pretrained(path)
    words.save_pretrained(path)
    weights = load_file(path / "model.safetensors")
    save_file(weights | head, path / "model.safetensors", {"format": "pt"})
    return path


def random(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    words = tokenizer(SEPARATOR)
    head = {
        "score.0.weight": random(WIDTH, WIDTH), "score.0.bias": random(WIDTH, seed=1),
        "score.2.weight": random(2, WIDTH, seed=2), "score.2.bias": random(2, seed=3),
    }  # fmt: skip
    return save(qwen2(words), words, tmp_path_factory.mktemp("qwen"), **head)


@pytest.fixture(scope="module")
def shepherd(tmp_path_factory):
    words = tokenizer()
    words.add_tokens(["ки"])
    return save(other(MistralForCausalLM, MistralConfig, words), words, tmp_path_factory.mktemp("shepherd"))


@pytest.fixture(scope="module")
def rlhflow(tmp_path_factory):
    words = tokenizer()
    return save(other(LlamaForCausalLM, LlamaConfig, words), words, tmp_path_factory.mktemp("rlhflow"))


@pytest.fixture(scope="module")
def skywork(tmp_path_factory):
    words = tokenizer()
    head = {"v_head.summary.weight": random(1, WIDTH), "v_head.summary.bias": random(1, seed=1)}
    return save(qwen2(words), words, tmp_path_factory.mktemp("skywork"), **head)


def opened(kind, path):
    return open_step_prm(kind, path, lambda tokenizer: None)


def whole_model(path, text):
    """HF's own forward on a text: ids, last hidden states and logits."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words, model = AutoTokenizer.from_pretrained(path), AutoModelForCausalLM.from_pretrained(path).eval()
    ids = words.encode(text, add_special_tokens=False)
    with torch.no_grad():
        out = model(torch.tensor([ids]), output_hidden_states=True)
    return words, ids, out.hidden_states[-1][0].double().numpy(), out.logits[0].double().numpy()


def test_qwen(qwen):
    text = (
        "<|im_start|>system\nPlease reason step by step, and put your final answer within \\boxed{}.<|im_end|>\n"
        f"<|im_start|>user\n{PROMPT}<|im_end|>\n"
        f"<|im_start|>assistant\n{STEPS[0]}{SEPARATOR}{STEPS[1]}{SEPARATOR}<|im_end|>\n"
    )
    words, ids, hidden, _ = whole_model(qwen, text)
    head = {name: value.double().numpy() for name, value in load_file(qwen / "model.safetensors").items()}
    places = [at for at, each in enumerate(ids) if each == words.convert_tokens_to_ids(SEPARATOR)]
    inner = np.maximum(hidden[places] @ head["score.0.weight"].T + head["score.0.bias"], 0)
    logits = inner @ head["score.2.weight"].T + head["score.2.bias"]
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = opened("qwen2.5_math_prm", qwen).scores(PROMPT, STEPS)
    assert found == pytest.approx((2 * shares[:, 1] - 1).tolist(), abs=1e-5)
    assert len(found) == 2
    assert abs(found[0] - found[1]) > 1e-3


@pytest.mark.parametrize("numbered", [True, False])
def test_math_shepherd(shepherd, numbered):
    words, ids, _, logits = whole_model(shepherd, f"{PROMPT} {STEPS[0]} ки\n{STEPS[1]} ки")
    tag, good, bad = (words.encode(each, add_special_tokens=False)[0] for each in ("ки", "+", "-"))
    places = [at for at, each in enumerate(ids) if each == tag]
    pair = np.exp(logits[places][:, [good, bad]])
    steps = STEPS if numbered else [step.removeprefix(f"Step {n}: ") for n, step in enumerate(STEPS, start=1)]
    found = opened("math_shepherd", shepherd).scores(PROMPT, steps)
    assert found == pytest.approx((2 * pair[:, 0] / pair.sum(1) - 1).tolist(), abs=1e-5)
    assert abs(found[0] - found[1]) > 1e-3


def test_rlhflow(rlhflow):
    turns, expected = "", []
    for number, step in enumerate(STEPS):  # one step at a time, as RLHFlow's own program goes
        content = step if number else f"{PROMPT} {step}"
        turns += f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
        words, _, _, logits = whole_model(rlhflow, turns)
        good, bad = (words.encode(each, add_special_tokens=False)[0] for each in "+-")
        pair = np.exp(logits[-1, [good, bad]])
        expected.append(2 * pair[0] / pair.sum() - 1)
        turns += "+<|im_end|>\n"
    found = opened("rlhflow", rlhflow).scores(PROMPT, STEPS)
    assert found == pytest.approx(expected, abs=1e-5)
    assert abs(found[0] - found[1]) > 1e-3


def test_skywork(skywork):
    _, ids, hidden, _ = whole_model(skywork, f"{PROMPT}\n{STEPS[0]}\n{STEPS[1]}\n")
    head = {name: value.double().numpy() for name, value in load_file(skywork / "model.safetensors").items()}
    places = [len(f"{PROMPT}\n{STEPS[0]}\n") - 1, len(ids) - 1]  # a character is a token here
    logits = hidden[places] @ head["v_head.summary.weight"].T + head["v_head.summary.bias"]
    found = opened("skywork", skywork).scores(PROMPT, STEPS)
    assert found == pytest.approx((2 * sigmoid(logits[:, 0]) - 1).tolist(), abs=1e-5)
    assert abs(found[0] - found[1]) > 1e-3


@pytest.mark.parametrize("kind", list(PUBLIC))
def test_a_step_cannot_end_a_turn_or_place_a_separator(kind, request):
    """Text of a model is data: with the special tokens taken out of it, the scores are those of the plain text."""
    path = request.getfixturevalue({"qwen2.5_math_prm": "qwen", "math_shepherd": "shepherd"}.get(kind, kind))
    prm = opened(kind, path)
    special = {"qwen2.5_math_prm": SEPARATOR, "math_shepherd": "ки"}.get(kind, "<|im_end|>")
    nested = f"Step 1: one{special[:1]}{special}{special[1:]} and one.<|im_start|>"  # taken out once, it is there again
    nested_prm = prm.scores(PROMPT, [nested, STEPS[1]])
    assert nested_prm == pytest.approx(prm.scores(PROMPT, STEPS), abs=1e-6)
    with pytest.raises(UserError, match="reads 512 tokens, a solution with its prompt has"):
        prm.scores(PROMPT, ["y" * 600])


@pytest.mark.parametrize(
    ("kind", "folder", "match"),
    [
        ("qwen2.5_math_prm", "skywork", r"lacks the weight score\.0\.weight; is it the model that was named"),
        ("skywork", "qwen", r"lacks the weight v_head\.summary\.weight"),
        ("math_shepherd", "rlhflow", "the tokenizer has no token 'ки', which Math-Shepherd is read at"),
    ],
)
def test_another_model_is_refused(kind, folder, match, request):
    with pytest.raises(DataError, match=match):
        opened(kind, request.getfixturevalue(folder))


def test_another_tokenizer_is_refused(qwen, rlhflow, tmp_path):
    words = tokenizer()
    (tmp_path / "no separator").mkdir()
    head = {k: v for k, v in load_file(qwen / "model.safetensors").items() if k.startswith("score.")}
    path = save(qwen2(words), words, tmp_path / "no separator", **head)
    with pytest.raises(DataError, match=r"has no token '<extra_0>', which Qwen2\.5-Math-PRM is read at"):
        opened("qwen2.5_math_prm", path)
    large = tokenizer(*(f"<more_{n}>" for n in range(9)))
    large.save_pretrained(path)
    with pytest.raises(DataError, match="the tokenizer has 269 ids and the model 260, so they do not belong together"):
        opened("rlhflow", path)
    plain = tokenizer(template=None)
    plain.save_pretrained(path)
    (path / "chat_template.jinja").unlink(missing_ok=True)
    with pytest.raises(DataError, match="the tokenizer has no chat template"):
        opened("rlhflow", path).scores(PROMPT, STEPS)
    with pytest.raises(
        UserError, match=r"kind of process model 'qwen' is not known; use one of own, generative, prompted, qwen2\.5"
    ):
        opened("qwen", qwen)
