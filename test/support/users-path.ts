/**
 * Before each test file: PATH without the folders of node_modules that npm puts in front. What is in them is not the
 * user's, and `rasen doctor` would ask the agents among them for their versions, a second of computing each.
 */
import { delimiter } from 'node:path';

process.env.PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter(folder => !/\/node_modules\/|\/node_modules$|\/node-gyp-bin$/.test(folder))
  .join(delimiter);
