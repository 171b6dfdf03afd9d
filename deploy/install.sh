#!/bin/sh
# Makes a folder that runs Pulsemesh without this checkout: a bundle, and the store's native code in the versions of the lock file.
# Usage, in a clone after `npm ci`: deploy/install.sh FOLDER      then, with Node 24 or newer: node FOLDER/bin/pulsemesh.js
# FOLDER is empty, not there yet, or what this made before: all of it is replaced, and only once the new one is whole.
set -eu
[ $# -eq 1 ] || { echo "usage: deploy/install.sh FOLDER" >&2; exit 2; }
# Read by users who are not the one who installs.
umask 022
mkdir -p "$1"
folder=$(cd "$1" && pwd)
# What a killed run left.
rm -rf "$folder"/.new-*
if [ -e "$folder/src" ] || { [ ! -e "$folder/dist/main.js" ] && [ -n "$(ls -A "$folder")" ]; }; then
  echo "Cannot install into $folder as it holds something else, which would be removed. Next: name a folder of its own, as /opt/pulsemesh." >&2
  exit 2
fi
cd "$(dirname "$0")/.."

aside=$(mktemp -d "$folder/.new-XXXXXX")
trap 'rm -rf "$aside"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
new=$aside/new
mkdir "$new"
PULSEMESH_BUILD_DIR=$new/dist npm run build --silent --workspace pulsemesh

# What cannot be bundled is installed apart, without the tools of this checkout.
modules=$aside/modules
mkdir "$modules"
cp package.json package-lock.json .npmrc "$modules"
for manifest in packages/*/package.json; do
  mkdir -p "$modules/$(dirname "$manifest")"
  cp "$manifest" "$modules/$manifest"
done
(cd "$modules" && npm ci --omit=dev --omit=optional --ignore-scripts --workspace @pulsemesh/store-level)
# Links to this checkout, and what the bundle holds already.
(cd "$modules/node_modules" && rm -rf @pulsemesh @ipld cborg multiformats .bin)

mv "$modules/node_modules" "$new/node_modules"
cp -R packages/cli/bin "$new/bin"
cp packages/cli/package.json LICENSE "$new"

for part in dist node_modules bin package.json LICENSE; do
  rm -rf "${folder:?}/$part"
  mv "$new/$part" "$folder/$part"
done
