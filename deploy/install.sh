#!/bin/sh
# Makes a folder that runs Pulsemesh without this checkout: a bundle, and the store's native code in the versions of the lock file.
# Usage, in a clone after `npm ci`: deploy/install.sh FOLDER      then, with Node 24 or newer: node FOLDER/bin/pulsemesh.js
# FOLDER is empty, not there yet, or what this made before: all of it is replaced, and only once the new one is whole.
# Started by root, as for a folder that is root's, npm and the programs of this checkout run as the checkout's owner; root copies what they made.
set -eu
# Read by users who are not the one who installs.
umask 022

# The part that runs programs of this checkout: makes $1/new.
build() {
  mkdir "$1/new"
  PULSEMESH_BUILD_DIR=$1/new/dist npm run build --silent --workspace pulsemesh

  # What cannot be bundled is installed apart, without the tools of this checkout.
  modules=$1/modules
  mkdir "$modules"
  cp package.json package-lock.json .npmrc "$modules"
  for manifest in packages/*/package.json; do
    mkdir -p "$modules/$(dirname "$manifest")"
    cp "$manifest" "$modules/$manifest"
  done
  (cd "$modules" && npm ci --omit=dev --omit=optional --ignore-scripts --workspace @pulsemesh/store-level)
  # Links to this checkout, and what the bundle holds already.
  (cd "$modules/node_modules" && rm -rf @pulsemesh @ipld cborg multiformats .bin)

  mv "$modules/node_modules" "$1/new/node_modules"
  cp -R packages/cli/bin "$1/new/bin"
  cp packages/cli/package.json LICENSE "$1/new"
}

checkout=$(cd "$(dirname "$0")/.." && pwd)
if [ $# -eq 2 ] && [ "$1" = --build ]; then
  cd "$checkout"
  build "$2"
  exit
fi

[ $# -eq 1 ] || { echo "usage: deploy/install.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
# What a killed run left.
rm -rf "$folder"/.new-*
if [ -e "$folder/src" ] || { [ ! -e "$folder/dist/main.js" ] && [ -n "$(ls -A "$folder")" ]; }; then
  echo "Cannot install into $folder as it holds something else, which would be removed. Next: name a folder of its own, as /opt/pulsemesh." >&2
  exit 2
fi

work=$(mktemp -d)
aside=$(mktemp -d "$folder/.new-XXXXXX")
trap 'rm -rf "$work" "$aside"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

owner=$(stat -c %u "$checkout")
if [ "$(id -u)" -eq 0 ] && [ "$owner" -ne 0 ]; then
  setpriv --version > /dev/null 2>&1 || {
    echo "Cannot build as the owner of $checkout as there is no setpriv. Next: install util-linux, or clone as root." >&2
    exit 2
  }
  chown "$owner" "$work"
  home=$(getent passwd "$owner" | cut -d: -f6)
  setpriv --reuid "$owner" --regid "$(stat -c %g "$checkout")" --clear-groups --no-new-privs \
    env HOME="${home:-$work}" "$checkout/deploy/install.sh" --build "$work"
else
  "$checkout/deploy/install.sh" --build "$work"
fi

# Copied, not moved: what is installed belongs to who installs it.
cp -R -P "$work/new" "$aside/new"
for part in dist node_modules bin package.json LICENSE; do
  rm -rf "${folder:?}/$part"
  mv "$aside/new/$part" "$folder/$part"
done
