/** Objects in S3-compatible storage: put there, and seen to be there whole. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { Config } from '../../config/schema.ts';

type Sdk = typeof import('@aws-sdk/client-s3');
type Settings = Config['recordings']['s3'];

export type StoredObject = { key: string; contentType: string };
export type FileToStore = StoredObject & {
  file: string;
  /** What was found when it was verified, in hexadecimal. */
  sha256: string;
  /** A multipart upload was begun: whoever dies in it should know what to end. */
  onBegun?: (uploadId: string) => Promise<void>;
  /** Bytes sent so far. */
  onProgress?: (bytes: number) => void;
  signal: AbortSignal;
};

const MIB = 1 << 20;
/** S3 takes 10,000 parts of at least 5 MiB. */
const PART_BYTES = 16 * MIB;
const MAX_PARTS = 9000;
const REQUEST_DEADLINE_MS = 10 * 60_000;
const CONNECT_TIMEOUT_MS = 10_000;

export class S3Storage {
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #partBytes: number;

  private constructor(sdk: Sdk, client: S3Client, bucket: string, partBytes: number) {
    this.#sdk = sdk;
    this.#client = client;
    this.#bucket = bucket;
    this.#partBytes = partBytes;
  }

  /** The SDK takes a while to load; without a bucket nobody waits for it. */
  static async create(settings: Settings, { partBytes = PART_BYTES } = {}): Promise<S3Storage> {
    const sdk = await import('@aws-sdk/client-s3');
    const { endpoint, region, pathStyle, accessKey, secret, bucket } = settings;
    const client = new sdk.S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint && { endpoint }),
      ...(accessKey && { credentials: { accessKeyId: accessKey, secretAccessKey: secret } }),
      maxAttempts: 4,
      // We send checksums of our own; what the SDK would add, not every storage understands.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS },
    });
    return new S3Storage(sdk, client, bucket, partBytes);
  }

  close(): void {
    this.#client.destroy();
  }

  async storeText({ key, contentType }: StoredObject, text: string, signal: AbortSignal): Promise<void> {
    await this.#put({ key, contentType }, Buffer.from(text), signal);
  }

  /** Resolves when the storage has confirmed that it has what is in the file. @throws if it has not. */
  async storeFile(task: FileToStore): Promise<void> {
    const { file, key, sha256, signal, onProgress } = task;
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size > this.#partBytes) return await this.#multipart(task, handle, size);
      const body = await readPart(handle, 0, size);
      if (digest('sha256', body).toString('hex') !== sha256) throw new Error(CHANGED);
      await this.#put({ key, contentType: task.contentType }, body, signal);
      onProgress?.(size);
    } finally {
      await handle.close();
    }
  }

  /** Best effort: storage without one does not know it any more, or cleans up by itself. */
  async abort({ key, uploadId }: { key: string; uploadId: string }): Promise<void> {
    const command = new this.#sdk.AbortMultipartUploadCommand({
      Bucket: this.#bucket,
      Key: key,
      UploadId: uploadId,
    });
    await this.#client.send(command, deadline(undefined)).catch(() => undefined);
  }

  async #put({ key, contentType }: StoredObject, body: Buffer, signal: AbortSignal): Promise<void> {
    const sha256 = digest('sha256', body).toString('base64');
    const md5 = digest('md5', body);
    const command = new this.#sdk.PutObjectCommand({
      ...{ Bucket: this.#bucket, Key: key, ContentType: contentType, Body: body },
      ...{ ChecksumSHA256: sha256, ContentMD5: md5.toString('base64') },
    });
    await this.#client.send(command, deadline(signal));
    await this.#confirm(key, { bytes: body.length, sha256, etag: md5.toString('hex') }, signal);
  }

  async #multipart(task: FileToStore, handle: FileHandle, size: number): Promise<void> {
    const { key, contentType, signal, onBegun, onProgress } = task;
    const target = { Bucket: this.#bucket, Key: key };
    const { UploadId } = await this.#client.send(
      new this.#sdk.CreateMultipartUploadCommand({
        ...target,
        ContentType: contentType,
        ChecksumAlgorithm: 'SHA256',
      }),
      deadline(signal),
    );
    if (UploadId === undefined) throw new Error('the storage gave no upload id');
    try {
      await onBegun?.(UploadId);
      const whole = createHash('sha256');
      const [shas, md5s]: [Buffer[], Buffer[]] = [[], []];
      const parts: { PartNumber: number; ETag: string | undefined; ChecksumSHA256: string }[] = [];
      const partBytes = Math.max(this.#partBytes, Math.ceil(size / MAX_PARTS / MIB) * MIB);
      for (let from = 0; from < size; from += partBytes) {
        const body = await readPart(handle, from, Math.min(partBytes, size - from));
        whole.update(body);
        const [sha, md5] = [digest('sha256', body), digest('md5', body)];
        const [ChecksumSHA256, ContentMD5] = [sha.toString('base64'), md5.toString('base64')];
        const PartNumber = parts.length + 1;
        const command = new this.#sdk.UploadPartCommand({
          ...{ ...target, UploadId, PartNumber, Body: body, ChecksumSHA256, ContentMD5 },
        });
        const { ETag } = await this.#client.send(command, deadline(signal));
        shas.push(sha);
        md5s.push(md5);
        parts.push({ PartNumber, ETag, ChecksumSHA256 });
        onProgress?.(from + body.length);
      }
      if (whole.digest('hex') !== task.sha256) throw new Error(CHANGED);
      await this.#client.send(
        new this.#sdk.CompleteMultipartUploadCommand({
          ...{ ...target, UploadId, MultipartUpload: { Parts: parts } },
        }),
        deadline(signal),
      );
      // Of several parts it is the checksum of their checksums, and their number.
      const sha256 = `${digest('sha256', Buffer.concat(shas)).toString('base64')}-${parts.length}`;
      const etag = `${digest('md5', Buffer.concat(md5s)).toString('hex')}-${parts.length}`;
      await this.#confirm(key, { bytes: size, sha256, etag }, signal);
    } catch (error) {
      await this.abort({ key, uploadId: UploadId });
      throw error;
    }
  }

  /** Asks what is there now, rather than to believe that all went well. */
  async #confirm(
    key: string,
    expected: { bytes: number; sha256: string; etag: string },
    signal: AbortSignal,
  ): Promise<void> {
    const command = new this.#sdk.HeadObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ChecksumMode: 'ENABLED',
    });
    const found = await this.#client.send(command, deadline(signal));
    const problem = difference(found, expected);
    if (problem !== undefined) throw new Error(`the storage does not confirm ${key}: ${problem}`);
  }
}

const CHANGED = 'the file on the disk is not what was verified';

/**
 * By SHA-256 where the storage keeps it, else by the ETag, which is the MD5 (of several parts, that
 * of their MD5s) unless the storage encrypts with a key of its user's: then nothing is confirmed.
 */
function difference(
  { ContentLength, ChecksumSHA256, ETag }: HeadObjectCommandOutput,
  { bytes, sha256, etag }: { bytes: number; sha256: string; etag: string },
): string | undefined {
  if (ContentLength !== bytes) return `it has ${ContentLength} bytes of ${bytes}`;
  // Some leave the number of parts out.
  const plain = (text: string) => text.replace(/-\d+$/, '');
  if (ChecksumSHA256 !== undefined) {
    return plain(ChecksumSHA256) === plain(sha256) ? undefined : 'its SHA-256 is another';
  }
  return ETag?.replaceAll('"', '') === etag ? undefined : 'it has no SHA-256, and its ETag is no MD5 of ours';
}

function digest(algorithm: 'sha256' | 'md5', body: Buffer): Buffer {
  return createHash(algorithm).update(body).digest();
}

async function readPart(handle: FileHandle, from: number, length: number): Promise<Buffer> {
  const body = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(body, at, length - at, from + at);
    if (bytesRead === 0) throw new Error(CHANGED);
    at += bytesRead;
  }
  return body;
}

function deadline(signal: AbortSignal | undefined): { abortSignal: AbortSignal } {
  const timeout = AbortSignal.timeout(REQUEST_DEADLINE_MS);
  return { abortSignal: signal ? AbortSignal.any([signal, timeout]) : timeout };
}
