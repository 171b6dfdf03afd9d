#!/bin/sh
# Looks for secrets in a folder and tells the mesh where they are. Usage: scan.sh FOLDER
set -u
folder=${1:?usage: scan.sh FOLDER}
url=${PULSEMESH_URL:-http://127.0.0.1:7420}
robot=${ROBOT:-security-scanner}
run=scan-$$-$(date +%s)

# A node that cannot be reached must not keep the scanner from scanning.
tell() { curl --silent --show-error --fail --location --max-redirs 0 --max-time 10 --retry 3 --output /dev/null "$@" || echo "scan.sh: the mesh was not told" >&2; }

tell "$url/ping/$robot/start?create=1&rid=$run"

# FILE:LINE of each; the line itself stays here. The pattern is in two parts, so that it does not find this script.
lines=$({
  grep --recursive --line-number --null --binary-files=without-match --extended-regexp \
    -e "-----BEGIN [A-Z ]*PRIVATE"" KEY-----" -e "AKIA[0-9A-Z]{16}" -e "ghp_[A-Za-z0-9]{36}" -- "$folder"
  echo "exit $?"
} | sed -e 's/\x00\([0-9]*\):.*/:\1/')
# What cannot be read was not looked at, and that is no clean bill.
case $lines in *"exit 2")
  tell --data "cannot read all of it" "$url/ping/$robot/fail?rid=$run"
  exit 3
esac
found=$(printf '%s\n' "$lines" | sed -e '$d' | sort | head -n 50)
count=$(printf '%s' "$found" | grep --count .)

# As JSON: backslashes and quotes in file names are escaped, control characters dropped.
list=$(printf '%s' "$found" | tr -d '\000-\011\013-\037' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&"/' | paste -s -d, -)
tell --request PATCH --header 'content-type: application/merge-patch+json' \
  --data "{\"status\":\"idle\",\"found\":$count,\"findings\":[$list]}" "$url/api/v1/robots/$robot/state"

if [ "$count" -eq 0 ]; then
  tell --data "nothing found" "$url/ping/$robot/0?rid=$run"
else
  tell --data "$count secrets, see its state" "$url/ping/$robot/1?rid=$run"
  printf '%s\n' "$found"
  exit 1
fi
