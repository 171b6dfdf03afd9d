#!/bin/sh
# Makes a folder that runs Pulsemesh without this checkout: a bundle, and the store's native code in the versions of the lock file.
# Usage, in a clone after `npm ci`: deploy/install.sh FOLDER      then, with Node 24 or newer: node FOLDER/bin/pulsemesh.js
set -eu
[ $# -eq 1 ] || { echo "usage: deploy/install.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

PULSEMESH_BUILD_DIR=$folder/dist npm run build --silent --workspace pulsemesh

# What cannot be bundled is installed apart, without the tools of this checkout.
modules=$(mktemp -d)
trap 'rm -rf "$modules"' EXIT
cp package.json package-lock.json .npmrc "$modules"
for manifest in packages/*/package.json; do
  mkdir -p "$modules/$(dirname "$manifest")"
  cp "$manifest" "$modules/$manifest"
done
(cd "$modules" && npm ci --omit=dev --omit=optional --ignore-scripts --workspace @pulsemesh/store-level)
# Links to this checkout, and what the bundle holds already.
(cd "$modules/node_modules" && rm -rf @pulsemesh @ipld cborg multiformats .bin)

rm -rf "$folder/bin" "$folder/node_modules"
cp -R packages/cli/bin "$folder/bin"
cp packages/cli/package.json LICENSE "$folder"
cp -R "$modules/node_modules" "$folder/node_modules"
