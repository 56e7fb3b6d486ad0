from __future__ import annotations

from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.suites.logic_formula import Formula, FormulaError, atom, read_formula
from tasks.suites.logic_rules import INFERENCES
from tasks.suites.propositional import MAX_LINES, Derivation, LineError, check_proof

ATOMS = "PQR"
formulas = st.recursive(
    st.sampled_from([atom(name) for name in ATOMS]),
    lambda inner: st.one_of(
        inner.map(lambda part: Formula("~", (part,))),
        st.tuples(st.sampled_from("&|>"), inner, inner).map(lambda it: Formula(it[0], it[1:])),
    ),
    max_leaves=6,
)


def truth(text: str, world: dict[str, bool]) -> bool:
    """Evaluates the written form by rewriting it, without the parser: brackets first, then ~, &, |, >."""
    text = "".join("10"[not world[c]] if c in world else c for c in text)
    while len(text) > 1:
        before = text
        for old, new in (("(0)", "0"), ("(1)", "1"), ("~0", "1"), ("~1", "0")):
            text = text.replace(old, new)
        if text == before:
            text = _innermost(text)
    return text == "1"


def _innermost(text: str) -> str:
    start = text.rfind("(") + 1
    end = (text + ")").index(")", start)
    inner = text[start:end]
    value = any(all(c == "1" for c in part.split("&")) for part in inner.split(">")[-1].split("|"))
    for left in reversed(inner.split(">")[:-1]):
        value = value or not any(all(c == "1" for c in part.split("&")) for part in left.split("|"))
    return text[:start] + "01"[value] + text[end:]


def entails(premises, conclusion) -> bool:
    worlds = (dict(zip(ATOMS, row, strict=True)) for row in product((False, True), repeat=len(ATOMS)))
    return all(conclusion.holds(world) for world in worlds if all(premise.holds(world) for premise in premises))


@settings(max_examples=200)
@given(formulas)
def test_a_formula_is_read_back_from_its_text(formula):
    assert read_formula(str(formula)) == formula
    assert read_formula(f" ( {str(formula).replace('>', ' -> ')} ) ") == formula


@settings(max_examples=200)
@given(formulas)
def test_truth_matches_an_independent_evaluation(formula):
    for row in product((False, True), repeat=3):
        world = dict(zip(ATOMS, row, strict=True))
        assert formula.holds(world) == truth(str(formula), world)


def test_grouping():
    for text, full in [
        ("P>Q>R", "P>(Q>R)"),
        ("P&Q&R", "(P&Q)&R"),
        ("P|Q&R>~P", "(P|(Q&R))>(~P)"),
        ("~P&Q", "(~P)&Q"),
        ("~~P", "~(~(P))"),
    ]:
        assert read_formula(text) == read_formula(full)
        assert str(read_formula(full)) == text


@pytest.mark.parametrize(
    "text", ["", " ", "P Q", "P>", "&P", "(P", "P)", "P>>Q", "~", "P=Q", "1", "P\n>Q", "é", "()", "P" * 17]
)
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(FormulaError):
        read_formula(text)


@pytest.mark.parametrize("text", ["(" * 100 + "P" + ")" * 99, "~" * 199 + "P", "(" * 200, "P>" * 99 + "P", "~(" * 90])
def test_hostile_formulas_end_quickly(text):
    with suppress(FormulaError):
        assert str(read_formula(text)) == text
    with pytest.raises(FormulaError):
        read_formula(text + "&P" * 100)


# Premises, goal, proof: one right proof for each rule.
PROOFS = [
    (["P>Q", "~Q"], "~P", "3 P hyp\n4 Q mp 1 3\n5 Q&~Q &i 4 2\n6 ~P ~i 3-5"),
    (["P>Q", "~Q"], "~P", "3 ~P mt 2 1"),
    (["~P>Q", "~Q"], "P", "3 P mt 1 2"),
    (["P>Q", "Q>R"], "P>R", "3 P>R hs 1 2"),
    (["P|Q", "~Q"], "P", "3 P ds 1 2"),
    (["P|~Q", "Q"], "P", "3 P ds 2 1"),
    (["P&Q"], "Q&P", "2 P &e 1\n3 Q &e 1\n4 Q&P &i 2 3"),
    (["P"], "Q|P", "2. Q|P |i 1"),
    (["P|Q", "P>R", "Q>R"], "R", "4 R |e 1 3 2"),
    (["P"], "~~P", "2 ~~P ~~i 1"),
    (["~~P"], "P", "2: P ~~e 1"),
    (["P"], "P", "2 P r 1"),
    ([], "P>P", "1 P hyp; 2 P>P >i 1-1"),
    ([], "P>(Q>P)", "1 P hyp\n\n2 Q hyp\n3 P r 1\n4 Q > P >i 2-3\n5 P->(Q->P) >i 1-4"),
    ([], "P|~P", "1 ~(P|~P) hyp;2 P hyp;3 P|~P |i 2;4 (P|~P)&~(P|~P) &i 3 1;5 ~P ~i 2-4;6 P|~P |i 5;"
     "7 (P|~P)&~(P|~P) &i 6 1;8 P|~P ~i 1-7"),
]  # fmt: skip


@pytest.mark.parametrize(("premises", "goal", "proof"), PROOFS)
def test_right_proofs_are_accepted_and_no_part_of_them(premises, goal, proof):
    report = check_proof(premises, goal, proof)
    assert (report.ok, report.first_error_line, report.note) == (True, -1, "")
    lines = [line for line in proof.replace(";", "\n").split("\n") if line]
    shorter = check_proof(premises, goal, "\n".join(lines[:-1]))
    assert (shorter.ok, shorter.first_error_line) == (False, -1)
    assert not check_proof([*premises[:-1], "A"], goal, proof).ok or not premises
    assert not check_proof(premises, "Z", proof).ok


def test_every_rule_is_tried():
    used = {word for _, _, proof in PROOFS for word in proof.replace(";", " ").split()}
    assert {*INFERENCES, ">i", "~i", "hyp"} <= used


# Premises, goal, proof, the index of the first wrong line, what is said of it.
FALLACIES = [
    (["P>Q", "Q"], "P", "3 P mp 1 2", 0, "P does not follow by mp"),
    (["P>Q", "~P"], "~Q", "3 ~Q mt 1 2", 0, "does not follow by mt"),
    (["P|Q", "P"], "~Q", "3 ~Q ds 1 2", 0, "does not follow by ds"),
    (["P|Q"], "P", "2 P &e 1", 0, "does not follow by &e"),
    (["P"], "P&Q", "2 P&Q |i 1", 0, "does not follow"),
    (["P>Q", "P>R"], "Q>R", "3 Q>R hs 1 2", 0, "does not follow"),
    (["P|Q", "P>R", "P>R"], "R", "4 R |e 1 2 3", 0, "does not follow"),
    (["P"], "Q", "2 Q hyp", -1, "outside every box"),
    (["P"], "Q", "2 Q hyp\n3 Q>Q >i 2-2\n4 Q r 2", 2, "closed box"),
    (["P"], "Q>P", "2 Q hyp\n3 R hyp\n4 P r 1\n5 Q>P >i 2-4", 3, "innermost box, here 3-4"),
    (["P"], "Q>P", "2 Q hyp\n3 P r 1\n4 P r 1\n5 Q>P >i 2-3", 3, "innermost box, here 2-4"),
    (["P"], "P>P", "2 P>P >i 1-1", 0, "none is open"),
    (["P"], "P", "2 P r 2", 0, "line 2 is not stated before"),
    (["P"], "P", "2 P r 3\n3 P r 1", 0, "line 3 is not stated before"),
    (["P"], "P", "2 P r 0", 0, "line 0 is not stated"),
    (["P"], "P", "1 P r 1", 0, "must start with its number, 2"),
    (["P"], "P", "P r 1", 0, "must start with its number, 2"),
    (["P"], "P", "2 P", 0, "NUMBER FORMULA RULE REFERENCES"),
    (["P"], "P", "2 P mp 1", 0, "mp cites 2 lines"),
    (["P"], "P", "2 P r 1-1", 0, "r cites 1 line"),
    (["P"], "P", "2 P hyp 1", 0, "hyp cites no line"),
    (["P"], "P", "2 P trust 1", 0, "NUMBER FORMULA RULE REFERENCES"),
    (["P"], "P", "2 P) r 1", 0, "no formula"),
    (["P"], "P", "", -1, "no proof"),
    (["P"], "Q", "2 P r 1", -1, "does not state Q"),
    (["P"], "P", "2 P r ١", 0, "NUMBER FORMULA RULE"),
    (["P"], "P", "2 " + "P" * 9999 + " r 1", 0, "at most 400 characters"),
]


@pytest.mark.parametrize(("premises", "goal", "proof", "index", "note"), FALLACIES)
def test_fallacies_and_forms_are_told(premises, goal, proof, index, note):
    report = check_proof(premises, goal, proof)
    assert (report.ok, report.first_error_line) == (False, index)
    assert note in report.note


def test_a_proof_has_a_longest_length():
    lines = [f"{2 + index} P r 1" for index in range(MAX_LINES + 1)]
    assert check_proof(["P"], "P", "\n".join(lines[:-1])).ok
    assert check_proof(["P"], "P", "\n".join(lines * 1000)).first_error_line == MAX_LINES


def test_premises_and_goal_must_be_formulas():
    for premises, goal in ((["P>"], "P"), (["P"], "")):
        with pytest.raises(FormulaError):
            check_proof(premises, goal, "2 P r 1")


SMALL = [
    read_formula(text) for text in ("P", "Q", "~P", "~Q", "~~P", "P&Q", "Q&P", "P|Q", "~P|Q", "P>Q", "Q>P", "P>~Q")
]
SMALL += [read_formula(text) for text in ("~P>Q", "Q>~Q", "P&~P", "P|P", "~~Q")]


@pytest.mark.parametrize("rule", INFERENCES)
def test_each_rule_is_sound_on_all_small_formulas(rule):
    inference = INFERENCES[rule]
    accepted = 0
    for cited in product(SMALL, repeat=inference.cited):
        for claim in SMALL:
            if inference.follows(claim, *cited):
                accepted += 1
                assert entails(cited, claim), (claim, cited)
    assert accepted >= 2


def _follows(premises: list[Formula], lines: list[str]) -> bool:
    derivation = Derivation(premises)
    try:
        for line in lines:
            derivation.add(line)
    except LineError:
        return False
    return True


def _attempt(draw, stated: list[Formula], opened: list[int]) -> tuple[str, str, str]:
    """Claim, rule and references with a fair chance to follow: the claim is made of the cited formulas' parts."""
    if not stated or draw(st.integers(0, 5)) == 0:
        return str(draw(formulas)), "hyp", ""
    rule = draw(st.sampled_from([*INFERENCES, ">i", "~i"]))
    if rule in (">i", "~i"):
        first = opened[-1] if opened else 1
        claim = f"({stated[first - 1]})>({stated[-1]})" if rule == ">i" else f"~({stated[first - 1]})"
        return claim, rule, f"{first}-{len(stated)}"
    cited = [draw(st.integers(1, len(stated))) for _ in range(INFERENCES[rule].cited)]
    parts = [part for index in cited for part in (*stated[index - 1].parts, stated[index - 1])]
    one, other = draw(st.sampled_from(parts)), draw(st.sampled_from(parts))
    forms = ["{0}", "~({0})", "~~({0})", "({0})&({1})", "({0})|({1})", "({0})>({1})"]
    return draw(st.sampled_from(forms)).format(one, other), rule, " ".join(map(str, cited))


@settings(max_examples=120)
@given(st.data())
def test_every_accepted_line_follows_from_the_premises_and_the_open_assumptions(data):
    premises = data.draw(st.lists(formulas, max_size=3))
    lines: list[str] = []
    stated, opened = list(premises), []
    for _ in range(12):
        claim, rule, references = _attempt(data.draw, stated, opened)
        line = f"{len(stated) + 1} {claim} {rule} {references}"
        if not _follows(premises, [*lines, line]):
            continue
        lines.append(line)
        stated.append(read_formula(claim))
        if rule == "hyp":
            opened.append(len(stated))
        elif rule in (">i", "~i"):
            opened.pop()
        assert entails([*premises, *(stated[index - 1] for index in opened)], stated[-1]), lines
        if not opened:
            assert check_proof([str(p) for p in premises], claim, "\n".join(lines)).ok
