// A tree as it was read, with what follows from its columns. Nodes are numbers; parents come before their children.

function readTree(data, number) {
  const size = data.parent.length;
  const tree = { ...data, number, size };
  tree.first = new Int32Array(size);
  tree.count = new Int32Array(size);
  tree.depth = new Int32Array(size);
  for (let n = 1; n < size; n++) {
    const above = data.parent[n];
    if (!tree.count[above]) tree.first[above] = n;
    tree.count[above]++;
    tree.depth[n] = tree.depth[above] + 1;
  }
  tree.hasRight = below(tree, "c");
  tree.hasWrong = below(tree, "w");
  tree.isBest = new Uint8Array(size);
  for (const n of [0, ...data.best]) tree.isBest[n] = 1;
  tree.most = { visits: Math.max(data.visits[0], 1), tokens: 1, depth: 0 };
  for (let n = 0; n < size; n++) {
    tree.most.visits = Math.max(tree.most.visits, data.visits[n]);
    tree.most.tokens = Math.max(tree.most.tokens, data.logprobs[n].length);
    tree.most.depth = Math.max(tree.most.depth, tree.depth[n]);
  }
  tree.pairs = data.pairs.map(([kind, prefix, chosen, rejected, margin, reason, child]) =>
    ({ kind, prefix, chosen, rejected, margin, reason, child, isKept: reason === "" }));
  tree.inPair = new Uint8Array(size);
  for (const pair of tree.pairs) if (pair.isKept) tree.inPair[pair.chosen] = tree.inPair[pair.rejected] = 1;
  tree.firstErrors = firstErrors(tree);
  return tree;
}

// Has a node an end of this kind below it, or is it one?
function below(tree, letter) {
  const found = new Uint8Array(tree.size);
  for (let n = tree.size - 1; n >= 0; n--) {
    if (tree.ends[n] === letter) found[n] = 1;
    if (n && found[n]) found[tree.parent[n]] = 1;
  }
  return found;
}

// Steps that the oracle calls wrong while it calls none before them wrong.
function firstErrors(tree) {
  const [bad, found] = [new Uint8Array(tree.size), new Uint8Array(tree.size)];
  for (let n = 1; n < tree.size; n++) {
    const isWrong = tree.labels[n] === 0;
    found[n] = isWrong && !bad[tree.parent[n]] ? 1 : 0;
    bad[n] = isWrong || bad[tree.parent[n]] ? 1 : 0;
  }
  return found;
}

const childrenOf = (tree, n) => Array.from({ length: tree.count[n] }, (_, i) => tree.first[n] + i);

// From below the root to the node, which comes last.
function pathTo(tree, n) {
  const path = [];
  for (; n > 0; n = tree.parent[n]) path.unshift(n);
  return path;
}
