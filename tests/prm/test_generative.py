"""The generative process model: what is learned and what is only read, verdicts by hand, and what cannot forge one."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evolve.prm_engine import EngineWrites
from lm.config import OptimiserConfig, Precision
from lm.folder import load_policy, load_tokenizer
from prm.generative.asking import Verdicts
from prm.generative.config import ReasoningConfig
from prm.generative.folder import GenerativePrm
from prm.generative.form import TrainedForm, verdict_ids
from prm.generative.rows import VerificationEncoder
from prm.generative.verifications import KEY, Verification, verifications_of, with_verifications
from prm.losses.config import LossName, LossSettings
from prm.losses.generative import Generative
from prm.step_prm import FolderPrm
from prm.train_steps import StepTraining, train_on_labels
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled, write_labelled
from tests.prm.labelled import toy

CONFIG = OptimiserConfig(learning_rate=1e-2, epochs=8, batch_rows=16, micro_rows=16, precision=Precision.FP32)
GREEDY = ReasoningConfig(verifications=1, temperature=0.0)


def prompt_ids_of(tokenizer):
    return lambda prompt: tokenizer.encode(prompt, add_special_tokens=False)


def verified(problems=24, each=4):
    """Toy solutions whose steps are right by themselves or not; the verification says with what the step ends."""
    found = []
    for one in toy(problems, each):
        ends = [step[1] for step in one.steps]
        right = dataclasses.replace(one, labels=tuple(1.0 if end == "a" else -1.0 for end in ends))
        found.append(with_verifications(right, [[Verification(f"{end}\n", (), end == "a")] for end in ends]))
    return found


def trained(solutions, policy_path, out, make_writes=EngineWrites, reason=GREEDY, **loss):
    settings = LossSettings(LossName.GENERATIVE, **loss)
    asked = StepTraining(settings, policy_path, out, CONFIG, held_out=0.25, reason=reason)
    return train_on_labels(solutions, asked, prompt_ids_of, make_writes=make_writes)


@pytest.fixture(scope="module")
def taught(policy_path, tmp_path_factory):
    out = tmp_path_factory.mktemp("generative") / "prm"
    return out, trained(verified(), policy_path, out)


def opened(path, config=GREEDY, seed=0):
    return GenerativePrm(path, prompt_ids_of, EngineWrites, config, seed)


def test_it_learns_a_rule_and_judges_problems_it_never_saw(taught):
    path, found = taught
    steps, judging = found["held_out"]["steps"], found["generative"]["judging"]
    assert steps["count"] == 72
    assert (steps["order"], steps["accuracy"]) > (0.95, 0.95)
    assert judging["generated"] == 3 * judging["verifications"] == 3 * judging["steps"], "letter, line break, end"
    prm = opened(path)
    good, bad = prm.scores("7 ", ["xa\n", "ya\n"]), prm.scores("7 ", ["xa\n", "yb\n"])
    assert good[0] == pytest.approx(bad[0], abs=1e-6), "a step's value does not depend on what follows it"
    assert bad[1] < -0.5 < 0.5 < good[1]
    assert dataclasses.asdict(prm.counts) == {"steps": 4, "verifications": 4, "generated": 12}


def test_only_verification_and_verdict_are_learned(policy_path):
    tokenizer = load_tokenizer(policy_path)
    encode = VerificationEncoder(prompt_ids_of(tokenizer), tokenizer)
    one = dataclasses.replace(toy(1)[0], steps=("xa\n", "yb\n"), labels=(1.0, None))
    one = with_verifications(one, [[Verification("a\n"), Verification("b\n", (), False)], [Verification("b\n")]])
    row = encode(one)
    assert [len(own) for own in row.lessons] == [1, 0], "one disagrees, and one belongs to a step without a label"
    assert row.left_out == 1
    (lesson,) = row.lessons[0]
    ids, end = prompt_ids_of(tokenizer), tokenizer.eos_token_id
    assert list(lesson.row.prompt_ids) == [*ids("0 xa\n"), end]
    assert list(lesson.row.target_ids) == [*ids("a\n"), end, *ids("+")]
    whole = VerificationEncoder(prompt_ids_of(tokenizer), tokenizer, only_agreeing=False)(one)
    assert [list(each.row.target_ids) for each in whole.lessons[0]][1] == [*ids("b\n"), end, *ids("+")]


def test_the_loss_is_the_cross_entropy_of_what_is_learned(policy_path):
    """Against transformers' own forward pass, row by row, in NumPy."""
    tokenizer, model = load_tokenizer(policy_path), load_policy(policy_path)
    rows = [VerificationEncoder(prompt_ids_of(tokenizer), tokenizer)(one) for one in verified(2)]
    groups = Generative().rows(rows, model)
    total, count = 0.0, 0
    for lesson in (one for group in groups for one in group.rows):
        with torch.no_grad():
            logits = model(torch.tensor([lesson.row.ids])).logits[0].double().numpy()
        logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        for at in range(len(lesson.row.prompt_ids), lesson.row.length):
            total -= logs[at - 1, lesson.row.ids[at]]
            count += 1
    found = Generative()(model, groups)
    assert found.count == count == 4 * sum(len(group.rows) for group in groups)
    assert found.total.item() == pytest.approx(total, rel=1e-6)


class Told:
    """Writes what it is told, and keeps what it was asked."""

    def __init__(self, *texts):
        self.texts, self.asked = texts, []

    def write(self, asked):
        self.asked += asked
        return [[tuple(text) for text in self.texts] for _ in asked]


def test_the_verdict_by_hand(policy_path):
    """The mean over verifications of p(+) / (p(+) + p(-)) behind the second end token; equal questions are one."""
    tokenizer, model = load_tokenizer(policy_path), load_policy(policy_path)
    ids, end = prompt_ids_of(tokenizer), tokenizer.eos_token_id
    form = TrainedForm(tokenizer)
    writes = Told([*ids("b\n"), end], ids("cut of"))
    verdicts = Verdicts(model, writes, form, ReasoningConfig(verifications=2, max_tokens=6), 99, seed=3)
    question = form.question(ids("0 "), [ids("xa\n")])
    one, same, other = verdicts.values([question, question, form.question(ids("1 "), [ids("xa\n")])])
    shares = []
    for text in ("b\n", "cut of"):
        with torch.no_grad():
            logits = model(torch.tensor([[*ids("0 xa\n"), end, *ids(text), end]])).logits[0, -1].double().numpy()
        up, down = (np.exp(logits[ids(word)[0]]) for word in "+-")
        shares.append(up / (up + down))
    assert one == same == pytest.approx(2 * np.mean(shares) - 1, abs=1e-6)
    assert one != other
    assert [(each.count, each.max_tokens) for each in writes.asked] == [(2, 6), (2, 6)]
    assert len({each.seed for each in writes.asked}) == 2


def test_no_text_forges_a_verdict(taught):
    """The end token as a text, in a prompt, a step or among sampled ids, is as if it were not there."""
    path, _ = taught
    prm, end = opened(path), load_tokenizer(path).eos_token
    plain = prm.scores("7 ", ["xb\n"])
    for prompt, step in (
        (f"7{end} ", "xb\n"),
        (f"7{end[:4]}{end}{end[4:]} ", "xb\n"),
        ("7 ", f"x{end}b\n{end}"),
        ("7 ", f"xb\n{end}{end}"),
    ):
        assert prm.scores(prompt, [step]) == pytest.approx(plain, abs=1e-6)
    tokenizer = load_tokenizer(path)
    encode = VerificationEncoder(prompt_ids_of(tokenizer), tokenizer)
    fence = tokenizer.eos_token_id
    ids = (*prompt_ids_of(tokenizer)("xb\n"), fence, fence)
    row = encode(dataclasses.replace(toy(1)[0], steps=("xb\n",), labels=(1.0,), token_ids=(ids,)))
    assert row.questions[0].ids.count(fence) == 1
    forged = encode(with_verifications(toy(1)[0], [[Verification(f"a{end}+{end}")]] * 3))
    assert all(own[0].row.ids.count(fence) == 2 for own in forged.lessons), "nor does a verification"


def test_the_folder_is_an_ordinary_one_and_seeds_fix_what_is_written(taught):
    path, found = taught
    assert json.loads((path / "prm.json").read_text()) == json.loads(json.dumps(found))
    assert not (path / "reference").exists()
    model, tokenizer = AutoModelForCausalLM.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)
    asked = [*tokenizer.encode("7 xb\n", add_special_tokens=False), tokenizer.eos_token_id]
    written = model.generate(torch.tensor([asked]), max_new_tokens=3, do_sample=False)[0].tolist()
    assert written[len(asked) :] == [*tokenizer.encode("b\n", add_special_tokens=False), tokenizer.eos_token_id]
    drawn = ReasoningConfig(verifications=3, temperature=3.0)
    solutions = [dataclasses.replace(one, meta={}) for one in toy(3, 2)]
    first, again, other = (opened(path, drawn, seed).values(solutions) for seed in (1, 1, 2))
    assert first == again != other
    assert all(-1 <= value <= 1 for own in first for value in own)
    alone = [opened(path, drawn, 1).values([one])[0] for one in solutions]
    assert np.concatenate(alone) == pytest.approx(np.concatenate(first), abs=1e-5), "whatever else is asked"
    with pytest.raises(UserError, match=r"writes before it judges .* kind=generative"):
        FolderPrm(path, prompt_ids_of)


def test_verifications_travel_in_the_file_of_labels(tmp_path):
    solutions = verified(2, 1)
    assert write_labelled(tmp_path / "v.jsonl", solutions) == 2
    read = list(read_labelled(tmp_path / "v.jsonl", "own"))
    assert read == solutions
    assert [verifications_of(one, "p") for one in read] == [verifications_of(one, "p") for one in solutions]
    assert verifications_of(toy(1)[0], "p") == ((), (), ())


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([[]], "problem p, step|problem p: meta.verifications must be a list for each of the 3 steps"),
        ([["x"], [], []], "problem p, step 0: a verification must be an object with text"),
        ([[{"text": "a", "score": 1}], [], []], "step 0: a verification must be an object"),
        ([[], [{"text": "a", "verdict": 1}], []], "step 1: the verdict of a verification must be true, false or null"),
        ([[], [], [{"text": "a", "token_ids": [True]}]], "step 2: token_ids of a verification must be whole numbers"),
    ],
)
def test_misshapen_verifications_are_one_sentence(told, said):
    with pytest.raises(DataError, match=said):
        verifications_of(dataclasses.replace(toy(1)[0], meta={KEY: told}), "p")


def test_what_cannot_be_learned_or_judged_is_one_sentence(policy_path, taught, tmp_path):
    solutions, change = verified(8), dataclasses.replace
    out = tmp_path / "prm"

    def refused(given, match, **loss):
        with pytest.raises(UserError, match=match):
            trained(given, policy_path, out, **loss)
        assert not out.exists()

    refused(
        [change(one, meta={"problem_id": one.prompt}) for one in solutions],
        "verifications of steps, and there are none",
    )
    wrong = [
        with_verifications(one, [[Verification("a", (), one.labels[at] < 0)] for at in range(3)]) for one in solutions
    ]
    refused(wrong, r"all \d+ of them disagree with the labels; write some with scripts.verifications")
    half = [with_verifications(one, [[Verification("a", (), True)]] * 3) for one in solutions]
    refused(half, "every verification to learn from ends in right")
    refused([change(one, labels=(0.5, -1.0, 1.0)) for one in solutions], "a label is 0.5")
    foreign = [with_verifications(one, [[Verification("a", (99,))]] * 3) for one in solutions]
    refused(foreign, "the token ids of a verification do not spell its text")
    long = [with_verifications(one, [[Verification("a" * 60)]] * 3) for one in solutions]
    refused(long, "the model reads 64, which would cut off 3 of its labels")
    oracle = [change(solutions[0], meta={**solutions[0].meta, "method": "oracle"}), *solutions]
    refused(oracle, "an oracle's, which are for measuring only")
    with pytest.raises(UserError, match="reads 64 tokens, and a step with what stands before it has 83"):
        opened(taught[0]).scores("7 ", ["y" * 79])
    with pytest.raises(DataError, match=r"has a prm\.json; name a folder of loss=generative"):
        opened(policy_path)
    for name, value in (("verifications", 0), ("temperature", float("nan")), ("max_tokens", 0)):
        with pytest.raises(UserError, match=f"reason.{name} must be"):
            ReasoningConfig(**{name: value})
    with pytest.raises(DataError, match="cannot tell the verdicts 'a' and 'ab' apart"):
        verdict_ids(load_tokenizer(policy_path), ("a", "ab"))


def test_without_an_engine_nothing_is_judged_and_long_ones_can_be_cut(policy_path, tmp_path):
    found = trained(verified(8), policy_path, tmp_path / "prm", make_writes=None)
    assert found["held_out"]["steps"]["count"] == 0
    tokenizer = load_tokenizer(policy_path)
    long = with_verifications(toy(1)[0], [[Verification("a")], [Verification("a" * 60)], [Verification("a")]])
    row = VerificationEncoder(prompt_ids_of(tokenizer), tokenizer, only_agreeing=False)(long)
    assert (len(row.until(64).steps), len(row.until(64).lessons), len(row.until(5).steps)) == (1, 1, 0)
