// Archives that are the same byte for byte when they are made of the same files.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** Packs `parent`/`name` into `file`: names in one order, times of `epoch`, owned by root. */
export async function pack(parent, name, file, { epoch, level }) {
  const same = ['--sort=name', '--format=gnu', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner'];
  const tar = spawn('tar', ['--create', ...same, '--directory', parent, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', resolve);
  });
  await pipeline(tar.stdout, createGzip({ level }), createWriteStream(file));
  const code = await ended;
  if (code !== 0) throw new Error(`tar ended with ${code}`);
}
