#!/bin/sh
# tree.sh NAME: as work.sh, with a child that left its session and its parent, and cleared its environment.
(setsid env -i /bin/sh -c 'setsid /bin/sleep 98765 & exit' &) &
wait
exec /opt/probes/work.sh "$1"
