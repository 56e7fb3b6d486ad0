#!/bin/sh
# Everything worth measuring on one GPU, within 8 minutes and without downloads: benchmarks/results/gpu.json.
# Needs torch, transformers and rich, not this project's environment: PYTHON=python3 benchmarks/gpu.sh
cd "$(dirname "$0")/.." || exit 1
export PYTHONUNBUFFERED=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
if [ -z "${PYTHON:-}" ]; then
	PYTHON=python3
	[ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
exec "$PYTHON" -m benchmarks.gpu "$@"
