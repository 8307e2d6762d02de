#!/usr/bin/env bash
# Whether all of it, with its tests, still type-checks without warnings for
# Windows and macOS. Nothing is linked, nothing is run, nothing is installed.
#
#   scripts/check-other-systems.sh [TARGET...]
#
# For that the standard library is checked, too, from its sources; they have to
# be those of this very compiler. Debian packages them as rust-src: the package
# is fetched from Debian's backports, and read from the target folder.
#   RUST_SRC=PATH   the folder `library` of the sources, instead of Debian's
#
# Where that can't be, it says `did not run`, and why, and ends with 3.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=("${@:-x86_64-pc-windows-msvc}")
[ $# -gt 0 ] || targets+=(aarch64-apple-darwin)
version=$(rustc --version | cut -d ' ' -f 2)
folder=$(realpath -m "${CARGO_TARGET_DIR:-target}/other-systems")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
suite=trixie-backports

did_not_run() {
  echo "did not run: the check for ${targets[*]}: $1"
  echo "  next: $2"
  exit 3
}

# The package's version, if Debian has the sources of this compiler.
package_version() {
  apt-get "${apt[@]}" -qq update >&2 || return 1
  apt-cache "${apt[@]}" madison rust-src | awk -v wanted="$version+" \
    '$1 == "rust-src" && index($3, wanted) == 1 { found = $3 } END { print found }'
}

# Lists and packages of its own, so that this machine's apt stays as it is.
fetch() {
  local own="$folder/apt" found
  mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
  echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main" >"$own/sources.list"
  apt=(-o "Dir::Etc::SourceList=$own/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$own/lists" -o "Dir::Cache=$own/cache"
    -o Dir::State::status=/dev/null -o APT::Sandbox::User=root
    -o APT::Update::Error-Mode=any)
  found=$(package_version) || did_not_run "$suite can't be asked for rust-src" \
    "look at the lines above"
  [ -n "$found" ] || did_not_run "Debian's $suite has no rust-src of Rust $version" \
    "wait for it, or name the sources by RUST_SRC"
  (cd "$own" && apt-get "${apt[@]}" -qq download "rust-src=$found") ||
    did_not_run "rust-src $found can't be fetched" "look at the lines above"
  dpkg-deb --fsys-tarfile "$own"/rust-src_*.deb |
    tar -x -C "$folder" --strip-components=4 "./usr/src/rustc-$version/library"
  mv "$folder/library" "$folder/library-$version"
  rm -r "$own"
}

library=${RUST_SRC:-$folder/library-$version}
if [ ! -d "$library" ]; then
  for tool in apt-get apt-cache dpkg-deb; do
    command -v "$tool" >/dev/null || did_not_run "it needs Debian's $tool" \
      "name the sources of Rust $version by RUST_SRC"
  done
  [ -e "$keyring" ] || did_not_run "it needs $keyring" "apt-get install debian-archive-keyring"
  fetch
fi

# The compiler of a release takes no -Z without BOOTSTRAP; cargo looks for the
# sources in its toolchain without the last.
export CARGO_PROFILE_DEV_DEBUG=0 RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$library
started=$SECONDS
for target in "${targets[@]}"; do
  cargo clippy --workspace --all-targets --quiet --target "$target" --target-dir "$folder" \
    -Zbuild-std=std,test -- -D warnings
  echo "checked: all of it, with its tests, for $target"
done
echo "after $((SECONDS - started)) s, with the standard library of Rust $version"
