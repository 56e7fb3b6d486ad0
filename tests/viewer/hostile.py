"""Texts that would run, load or hide something if a page took them for anything but text."""

from __future__ import annotations

from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict

HOSTILE = [
    "</script><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    "<svg onload=window.pwned=1><animate onbegin=window.pwned=1>",
    "<!--<script>window.pwned = 1</script>-->",
    "\"><iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    "' autofocus onfocus='window.pwned = 1' x='",
    "</textarea></style></title></noscript><script>window.pwned = 1</script>",
    "<template><script>window.pwned = 1</script></template>",
    "${window.pwned = 1}`{{constructor.constructor('window.pwned = 1')()}}",
    "javascript:window.pwned=1",
    "<link rel=stylesheet href=http://evil.test/x.css><style>@import 'http://evil.test/y.css'</style>",
    "<a href='javascript:window.pwned=1' id=head>click</a><base href=http://evil.test/>",
    "<form id=lines action=http://evil.test><input name=textContent>",
    "\u202egnitirw\u202c \u2066a\u2069 \u200b\ufeff\u0000\u001b[31m\u2028\u2029 \ud800",
    "__proto__",
]


def hostile_tree(number: int = 0) -> SearchTree:
    """A tree in which every text is one of them: a child of the root for each, some with an end below."""
    at = lambda index: HOSTILE[(index + number) % len(HOSTILE)]  # noqa: E731
    problem = Problem(f"h/{number}/{at(0)}", at(1), at(2), {"level": at(3), at(4): at(5)})
    tree = SearchTree(problem)
    steps = [Step(text, (7,), (-1.0,), observation=at(index + 1)) for index, text in enumerate(HOSTILE)]
    tree.add_children(0, steps, [1 / len(steps)] * len(steps))
    for node in range(1, len(steps) + 1):
        (end,) = tree.add_children(node, [Step(at(node), is_final=True, observation=at(node))], [1.0])
        tree.verdicts[end] = Verdict(Outcome.CORRECT, 1.0, {at(node): 0.5}, at(node + 1))
        tree.back_up_mean(end, 1.0)
    return tree
