#!/bin/sh
# Verifies proofs with golang.org/x/mod. Usage: run.sh MAKE_PROOFS. Exit 77: skipped, with the reason.
set -eu
program=$(realpath "$1")
cd "$(dirname "$0")"
if ! command -v go >/dev/null 2>&1; then
    echo "SKIPPED: Go is not installed; proofs are not compared with golang.org/x/mod"
    exit 77
fi
if ! go mod download 2>/dev/null; then
    echo "SKIPPED: golang.org/x/mod v0.20.0 cannot be downloaded; proofs are not compared with it"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$program" make "$folder"
KMB_PROOFS=$folder KMB_MAKE_PROOFS=$program go test -count=1 -v ./...
