"""A file system that never answers, at the folder of the first argument, until this process ends. Says "mounted"."""
import ctypes
import os
import struct
import sys

folder = os.fsencode(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
fuse = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fuse
if libc.mount(b"hangs", folder, b"fuse.hangs", 0, options) != 0:
    sys.exit("mount: " + os.strerror(ctypes.get_errno()))
# The only request that is answered: FUSE_INIT, in protocol 7.
request = os.read(fuse, 1 << 17)
_, _, unique, _, _, _, _, _ = struct.unpack("<IIQQIIII", request[:40])
major, minor = struct.unpack("<II", request[40:48])
body = struct.pack("<IIIIHHII", major, min(minor, 31), 0, 0, 0, 0, 4096, 0) + bytes(36)
os.write(fuse, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)
print("mounted", flush=True)
sys.stdin.read()
MNT_DETACH = 2
libc.umount2(folder, MNT_DETACH)
