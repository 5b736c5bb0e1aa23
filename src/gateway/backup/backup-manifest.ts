import * as z from 'zod'

/** The last entry of a backup. */
export const MANIFEST = 'interdict-backup.json'

const number = z.int().min(0)
const file = z.object({
  /** Absolute. */
  path: z.string().regex(/^\//),
  size: number,
  /** Hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mode: number,
  uid: number,
  gid: number,
  /** Empty: not known by name where the backup was made. */
  user: z.string(),
  group: z.string()
})

/** The contents of a backup. */
export const manifestSchema = z.object({
  /** Higher after a change that an earlier version cannot read. */
  format: z.literal(1),
  version: z.string(),
  createdAt: z.string(),
  host: z.string(),
  /** The settings file, absolute. */
  settings: z.string(),
  queryLog: z.boolean(),
  pseudonymKeys: z.boolean(),
  files: z.array(file),
  /** Files that the settings name and that did not exist. */
  missing: z.array(z.object({ key: z.string(), path: z.string() }))
})

export type Manifest = z.output<typeof manifestSchema>
export type ManifestFile = Manifest['files'][number]
