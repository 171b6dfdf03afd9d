#!/bin/sh
# Restores a backup for real and tells the mesh what it would cost. Usage: verify.sh ARCHIVE.tar
set -u
archive=${1:?usage: verify.sh ARCHIVE.tar}
url=${PULSEMESH_URL:-http://127.0.0.1:7420}
robot=${ROBOT:-dr-validation}
rpo_most=${RPO_SECONDS:-86400}
rto_most=${RTO_SECONDS:-3600}
run=dr-$$-$(date +%s)

tell() { curl --silent --show-error --fail --location --max-redirs 0 --max-time 10 --retry 3 --output /dev/null "$@" || echo "verify.sh: the mesh was not told" >&2; }
finish() {
  tell --request PATCH --header 'content-type: application/merge-patch+json' \
    --data "{\"status\":\"$1\",\"rpo_seconds\":$rpo,\"rto_seconds\":$rto}" "$url/api/v1/robots/$robot/state"
  tell --data "$2" "$url/ping/$robot/$3?rid=$run"
  echo "$2"
  exit "$3"
}

tell "$url/ping/$robot/start?create=1&rid=$run"
rpo=null
rto=null
[ -r "$archive" ] || finish missing "there is no backup $archive" 1

place=$(mktemp -d) && trap 'rm -rf "$place"' EXIT
began=$(date +%s)
rpo=$((began - $(stat -c %Y "$archive")))
tar -x -f "$archive" -C "$place" 2>/dev/null || finish damaged "the archive cannot be unpacked" 1
checked=$(cd "$place" && sha256sum --check --strict --quiet SHA256SUMS 2>&1) || finish damaged "restored, but not the same: $(printf '%s' "$checked" | head -n 1)" 1
rto=$(($(date +%s) - began))

[ "$rpo" -le "$rpo_most" ] || finish stale "the backup is ${rpo}s old, at most ${rpo_most}s are allowed" 1
[ "$rto" -le "$rto_most" ] || finish slow "restoring took ${rto}s, at most ${rto_most}s are allowed" 1
finish restorable "restored and verified in ${rto}s, ${rpo}s would be lost" 0
