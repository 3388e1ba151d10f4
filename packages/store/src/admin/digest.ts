import { Worker } from 'node:worker_threads';

/** SHA-256 of a file, in hexadecimal digits. Rejects with the system's error. */
export function digestOf(file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./digest-thread.js', import.meta.url), { workerData: file });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error(`the digest of ${file} was not finished`)));
  });
}
