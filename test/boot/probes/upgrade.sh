#!/bin/sh
# Puts the next version in the place of the installed one, as `npm install -g` does: complete beside it, then by renaming.
set -e
cd /usr/local/lib/node_modules
cp -a /opt/rasen-next .rasen-new
mv rasen .rasen-old
mv .rasen-new rasen
rm -rf .rasen-old
