"""The cache: what was put in comes out, row by row, and forks do not write into each other."""

from __future__ import annotations

import torch

from policy.kv_cache import ForkableCache

ROWS, HEADS, WIDTH = 3, 2, 4


def keys_and_values(tokens: int, rows: int = ROWS) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(tokens * 10 + rows)
    return torch.randn((2, rows, HEADS, tokens, WIDTH), generator=generator).unbind(0)


def filled(tokens: int) -> tuple[ForkableCache, list[tuple[torch.Tensor, torch.Tensor]]]:
    cache = ForkableCache(2, 9)
    given = [keys_and_values(tokens), tuple(2 * part for part in keys_and_values(tokens))]
    for layer, (keys, values) in enumerate(given):
        cache.update(keys, values, layer)
    return cache, given


def test_update_returns_everything_so_far():
    cache, given = filled(5)
    more = keys_and_values(1)
    keys, values = cache.update(*more, 1)
    assert torch.equal(keys, torch.cat([given[1][0], more[0]], 2))
    assert torch.equal(values, torch.cat([given[1][1], more[1]], 2))
    assert cache.get_seq_length(1) == 6
    assert cache.get_seq_length(0) == 5
    assert cache.get_mask_sizes(1, 0) == (6, 0)


def test_select_repeats_reorders_and_drops_rows():
    cache, given = filled(5)
    rows = [2, 0, 0]
    chosen = cache.select(torch.tensor(rows), 7)
    more = keys_and_values(2)
    for layer in range(2):
        keys, values = chosen.update(*more, layer)
        assert torch.equal(keys, torch.cat([given[layer][0][rows], more[0]], 2))
        assert torch.equal(values, torch.cat([given[layer][1][rows], more[1]], 2))
    assert chosen.layers[0].get_max_length() == 7


def test_forks_do_not_write_into_each_other():
    cache, given = filled(5)
    first, second = cache.select(torch.tensor([1]), 8), cache.select(torch.tensor([1]), 8)
    first.update(*keys_and_values(1, rows=1), 0)
    more = keys_and_values(2, rows=1)
    keys, _ = second.update(*more, 0)
    assert torch.equal(keys, torch.cat([given[0][0][[1]], more[0]], 2))
    assert cache.get_seq_length(0) == 5
    assert first.get_seq_length(0) == 6
