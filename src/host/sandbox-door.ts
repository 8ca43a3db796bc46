/** Where a program in a sandbox finds the socket on which it can hand work over: known without any variable. */
import { join } from 'node:path';

/** In its folder for temporary files, which is nobody else's; a folder of its own, which it cannot write. */
export const DOOR = '/tmp/.rasen';

export const DOOR_SOCKET = join(DOOR, 's');
