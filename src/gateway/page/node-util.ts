/** What the shared code of the page takes from node:util, for browsers; the build puts it in its place. */
// As Node has it: control sequences of a terminal, with those that name a link or a title.
const SEQUENCES =
  /[\x1b\x9b](?:\][^\x07\x1b]*(?:\x07|\x1b\\)|[[\]()#;?]*(?:(?:\d{1,4}(?:[;:]\d{0,4})*)?[\dA-PR-TZcf-nq-uy=><~]))/g;

export const stripVTControlCharacters = (text: string): string => text.replace(SEQUENCES, '');
