#!/bin/sh
# writer.sh FOLDER: leaves a file that was synced and one that was not, for the harness to cut the power over.
set -e
mkdir -p "$1"
cd "$1"
echo synced >kept
sync kept .
echo unsynced >lost
