# Shared by the scripts of this folder: where we are, what is installed, how a step is shown.
# Sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log_dir=${B3IQ_CI_LOGS:-$root/build/ci-logs}
export CCACHE_DIR=${CCACHE_DIR:-$root/.cache/ccache}

# What a build needs, and what the tests need beyond it.
build_packages=(build-essential cmake ninja-build pkg-config ca-certificates curl python3
	libmicrohttpd-dev libsqlite3-dev libssl-dev libjson-c-dev libcurl4-openssl-dev)
test_packages=(clang strace libclang-rt-14-dev clang-format libcmocka-dev valgrind ccache g++ nodejs npm openssl
	python3-jsonschema python3-jinja2 python3-numpy python3-yaml)

say() { printf '%s\n' "$@"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# install_packages NAME...: those that are missing, through apt as root or by sudo.
install_packages() {
	local missing=() sudo=()
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q '^install ok installed' || missing+=("$p")
	done
	# A machine may have Node.js from elsewhere, which conflicts with Debian's package.
	if command -v node >/dev/null && command -v npm >/dev/null; then
		missing=("${missing[@]/#nodejs/}"); missing=("${missing[@]/#npm/}")
	fi
	missing=($(printf '%s ' "${missing[@]}"))
	((${#missing[@]})) || return 0
	[ "$(id -u)" = 0 ] || sudo=(sudo)
	command -v apt-get >/dev/null || die "this needs Debian's apt-get; install by hand: ${missing[*]}"
	"${sudo[@]}" apt-get update -qq
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# use_new_node: a Node.js of at least 20 first in PATH, for the tests labelled npm.  Debian 12 has 18,
# the npm registry has newer ones as packages.  Where it cannot be reached those tests are skipped.
use_new_node() {
	local dir=$root/build/node arch
	[ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -lt 20 ] || return 0
	case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) say "no Node.js 20 for this machine"; return 0 ;; esac
	if [ ! -x "$dir/node_modules/node-linux-$arch/bin/node" ]; then
		mkdir -p "$dir"
		npm install --prefix "$dir" --no-fund --no-audit --no-save "node-linux-$arch@22.23.3" ||
			{ say "the npm registry cannot be reached: tests that need Node.js 20 are skipped"; return 0; }
	fi
	export PATH=$dir/node_modules/node-linux-$arch/bin:$PATH
}

# step "what" command...: runs it with its output in a log file; shows the time it took, and on
# failure the end of the log.
step() {
	local what=$1 start=$SECONDS log
	shift
	mkdir -p "$log_dir"
	log=$log_dir/$(printf '%s' "$what" | tr -c 'a-zA-Z0-9' '-').log
	printf '%-52s ' "$what"
	if "$@" >"$log" 2>&1; then
		printf 'ok      %4d s\n' $((SECONDS - start))
	else
		printf 'FAILED  %4d s\n\n' $((SECONDS - start))
		tail -n "${STEP_TAIL:-80}" "$log"
		say "(the whole log: $log)"
		return 1
	fi
}

# configure DIR compiler [cmake options]: an out-of-tree build with ccache where it is installed.
configure() {
	local dir=$1 cc=$2 launcher=()
	shift 2
	command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
	cmake -S "$root" -B "$dir" -G Ninja -DCMAKE_C_COMPILER="$cc" "${launcher[@]}" "$@"
}
