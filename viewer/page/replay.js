// The tree as it stood after any rollout. With a history (docs/formats.md) the figures are exact; a file without one
// shows in which order the nodes were made, with the figures of the end.

function framesOf(tree) {
  const frames = [{ entries: 0, size: 1, rollout: 0 }];
  const history = tree.history;
  if (!history) {
    for (let n = 1; n < tree.size; n++) {
      if (n + 1 === tree.size || tree.parent[n + 1] !== tree.parent[n]) frames.push({ entries: 0, size: n + 1, rollout: frames.length });
    }
    return frames;
  }
  history.rollout.forEach((rollout, entry) => {
    if (rollout !== history.rollout[entry + 1]) frames.push({ entries: entry + 1, size: history.size[entry], rollout });
  });
  const last = frames[frames.length - 1];
  if (last.size < tree.size) frames.push({ ...last, size: tree.size });
  return frames;
}

class Moment {
  constructor(tree, frame, isEnd) {
    this.size = frame.size;
    const isFinal = isEnd || !tree.history;
    this.visits = isFinal ? tree.visits : new Array(tree.size).fill(0);
    this.valueSum = isFinal ? tree.value_sum : new Array(tree.size).fill(0);
    if (!isFinal) this.tell(tree, frame.entries);
  }

  q(n) {
    return this.visits[n] ? this.valueSum[n] / this.visits[n] : null;
  }

  // The rule of mcts.history.statistics_at.
  tell(tree, entries) {
    const { backup, discount, node, value } = tree.history;
    const [visits, sums, size] = [this.visits, this.valueSum, this.size];
    const isScored = (n) => tree.score[n] !== null && (tree.ends[n] === "." || tree.ends[n] === "d");
    for (let n = 0; n < size; n++) if (isScored(n)) [visits[n], sums[n]] = [1, tree.score[n]];
    for (let entry = 0; entry < entries; entry++) {
      let worth = value[entry];
      for (let n = node[entry]; n >= 0; n = tree.parent[n], worth *= discount) {
        if (n >= size) continue;
        const own = visits[n] - (isScored(n) ? 1 : 0);
        const best = own ? Math.max(worth, sums[n] / visits[n]) : worth;
        visits[n]++;
        sums[n] = backup === "max" ? best * visits[n] : sums[n] + worth;
      }
    }
  }
}
