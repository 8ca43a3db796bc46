/** The part of write-file-atomic 8.0.0 that we use; the package has no types of its own. */
declare module 'write-file-atomic' {
  interface Options {
    mode?: number | false;
    /** Sync the file before the rename; default true. */
    fsync?: boolean;
    encoding?: BufferEncoding;
  }
  function writeFileAtomic(path: string, data: string | Buffer, options?: Options): Promise<void>;
  namespace writeFileAtomic {
    function sync(path: string, data: string | Buffer, options?: Options): void;
  }
  export default writeFileAtomic;
}
