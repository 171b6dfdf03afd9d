#!/bin/sh
# Checks file permissions in a folder and tells the mesh. Usage: check.sh FOLDER
set -u
folder=${1:?usage: check.sh FOLDER}
robot=${ROBOT:-compliance-bot}

# What cannot be looked at is not compliant: nobody knows. One dot for each, as names may hold line breaks.
count() {
  dots=$(find "$folder" "$@" -printf .) || {
    pulsemesh ping "$robot" fail --create -m "cannot look at all of $folder"
    exit 3
  }
  echo ${#dots}
}
# Sticky folders such as /tmp are meant to be open.
world_writable=$(count ! -type l -perm -0002 ! \( -type d -perm -1000 \)) || exit 3
open_keys=$(count -type f \( -name '*.key' -o -name '*.pem' \) -perm /0077) || exit 3
setuid=$(count -type f -perm /6000) || exit 3
violations=$((world_writable + open_keys + setuid))

message="$violations violations: $world_writable world-writable, $open_keys open keys, $setuid setuid"
result=0
if [ "$violations" -gt 0 ]; then
  result=1
fi

# One beat that carries the result, then what was found. Whether the mesh is in reach does not change the exit code.
pulsemesh ping "$robot" "$result" --create -m "$message"
pulsemesh state set "$robot" "status=$([ $result -eq 0 ] && echo compliant || echo violated)" \
  "world_writable=$world_writable" "open_keys=$open_keys" "setuid=$setuid"
echo "$message"
exit $result
