/** The host that we are on: the only place of this folder that asks for the platform. */
import { darwin } from './darwin.ts';
import type { Host } from './host.ts';
import { linux } from './linux.ts';

export const host: Host = process.platform === 'linux' ? linux : darwin;
