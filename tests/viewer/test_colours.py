"""The scales: exact between stops, readable on both grounds, and told apart by colour-blind readers."""

import numpy as np
import pytest

from viewer.colours import DIVERGING, GROUNDS, SEQUENTIAL, UNKNOWN, mix, rgb

# Machado, Oliveira & Fernandes 2009, severity 1, for linear RGB.
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour):
    channels = np.array(rgb(colour)) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb_linear):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb_linear
    f = np.cbrt(np.maximum(xyz / (0.9505, 1.0, 1.089), 0))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_stops_are_met_and_mixed_between():
    assert [mix(DIVERGING, value) for value in (-7, -1, 0, 1, 2)] == [
        "#d55e00",
        "#d55e00",
        "#7d7d86",
        "#0f7fc4",
        "#0f7fc4",
    ]
    assert mix(((0.0, "#000000"), (1.0, "#ff8001")), 0.5) == "#804001"  # 127.5, 64 and 0.5: halves go up
    assert mix(DIVERGING, float("nan")) == UNKNOWN


@pytest.mark.parametrize("stops", [DIVERGING, SEQUENTIAL])
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_colour_is_readable_on_both_grounds(stops, ground):
    first, last = stops[0][0], stops[-1][0]
    assert min(contrast(mix(stops, value), ground) for value in np.linspace(first, last, 41)) >= 3


@pytest.mark.parametrize("kind", BLIND)
def test_both_ends_and_the_middle_differ_for_colour_blind_readers(kind):
    seen = [lab(np.array(BLIND[kind]) @ linear(mix(DIVERGING, value))) for value in (-1, 0, 1)]
    distances = [float(np.linalg.norm(seen[a] - seen[b])) for a, b in ((0, 1), (1, 2), (0, 2))]
    assert min(distances) > 20, distances  # Delta E; 2.3 is just noticeable
