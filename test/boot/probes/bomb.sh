#!/bin/sh
# A fork bomb that ignores SIGTERM and goes on where it cannot fork any more. Its user's limit of processes, without which
# it does not start, is for the computer around the machine to bear it.
exec prlimit --nproc=300:300 perl -e '$SIG{TERM} = "IGNORE"; while (1) { fork; select undef, undef, undef, 0.1 }' bomb.sh
