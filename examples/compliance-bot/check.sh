#!/bin/sh
# Checks file permissions in a folder and tells the mesh. Usage: check.sh FOLDER
set -u
folder=${1:?usage: check.sh FOLDER}
robot=${ROBOT:-compliance-bot}

# Sticky folders such as /tmp are meant to be open.
world_writable=$(find "$folder" ! -type l -perm -0002 ! \( -type d -perm -1000 \) | wc -l)
open_keys=$(find "$folder" -type f \( -name '*.key' -o -name '*.pem' \) -perm /0077 | wc -l)
setuid=$(find "$folder" -type f -perm /6000 | wc -l)
violations=$((world_writable + open_keys + setuid))

message="$violations violations: $world_writable world-writable, $open_keys open keys, $setuid setuid"
result=0
if [ "$violations" -gt 0 ]; then
  result=1
fi

# One beat that carries the result, then what was found. A mesh that cannot be reached is told by the exit code of neither.
pulsemesh ping "$robot" "$result" --create -m "$message"
pulsemesh state set "$robot" "status=$([ $result -eq 0 ] && echo compliant || echo violated)" \
  "world_writable=$world_writable" "open_keys=$open_keys" "setuid=$setuid"
echo "$message"
exit $result
