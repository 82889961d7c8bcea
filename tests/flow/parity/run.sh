#!/bin/sh
# Runs compare.mjs; 77 (skipped) where node or the npm registry is not at hand.
# run.sh BUILD_FOLDER ENGINE_LOGITS SYNTH_MODEL MINI.gguf
here=$(dirname "$0")
work=$1/parity
shift
command -v npm >/dev/null || { echo "parity: skipped, there is no npm"; exit 77; }
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
	{ echo "parity: skipped, Node.js 20 or newer is needed"; exit 77; }
mkdir -p "$work" && cp "$here/package.json" "$here/compare.mjs" "$work" && cd "$work" || exit 1
if [ ! -d node_modules/node-llama-cpp ]; then
	npm install --ignore-scripts --no-audit --no-fund --omit=dev >npm.log 2>&1 || {
		echo "parity: skipped, npm cannot install node-llama-cpp (see $work/npm.log)"
		exit 77
	}
fi
exec node compare.mjs "$@"
