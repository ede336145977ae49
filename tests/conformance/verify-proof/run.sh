#!/bin/sh
# examples/verify-proof against many proofs and against changed ones. Usage: run.sh MAKE_PROOFS VERIFY_PROOF
set -eu
make_proofs=$1
verify=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$make_proofs" make "$folder"
key=$(cat "$folder/verifier.txt")
verified=0
for file in "$folder"/inclusion-1?-*.txt "$folder"/inclusion-100-*.txt "$folder"/consistency-?-1?.txt "$folder"/consistency-*-100.txt; do
    "$verify" "$file" "$key" >"$folder/out" || { echo "FAILED: $file: $(cat "$folder/out")"; exit 1; }
    verified=$((verified + 1))
done
[ "$verified" -gt 300 ] || { echo "FAILED: only $verified proofs"; exit 1; }

refused=0
for proof in inclusion-13-6 consistency-6-13; do
    mkdir "$folder/$proof"
    "$make_proofs" flip "$folder/$proof.txt" "$folder/$proof"
    for file in "$folder/$proof"/*; do
        if "$verify" "$file" "$key" >"$folder/out"; then
            echo "FAILED: $proof verifies after ${file##*/}"
            exit 1
        fi
        read -r line <"$folder/out"
        case $line in
        "NOT VERIFIED: "?*) ;;
        *) echo "FAILED: ${file##*/} of $proof: no reason given"; exit 1 ;;
        esac
        refused=$((refused + 1))
    done
done
if "$verify" "$folder/inclusion-13-6.txt" "${key%?}x" >/dev/null; then
    echo "FAILED: verifies under another key"
    exit 1
fi
"$verify" "$folder/inclusion-13-6.txt" | grep -q 'a key from the proof itself'
echo "$verified proofs verified, $refused changed ones refused"
