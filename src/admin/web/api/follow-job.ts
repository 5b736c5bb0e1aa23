import type { Job } from './types/job-responses.js'

/** Seconds between two looks at a job. */
const EVERY = 1

/** A job as a page shows it, with what cancels it. */
export interface ShownJob {
  readonly job: Job
  readonly cancel: () => void
}

export interface JobAccess {
  read(id: string): Promise<Job>
  /** Cancels it, or forgets it if it has ended. */
  remove(id: string): Promise<void>
  /** Shows the state of a job; undefined: it has ended. */
  show(id: string, shown: ShownJob | undefined): void
  wait(seconds: number): Promise<void>
}

/** Waits for the end of a job, and cancels it when nobody waits for it any more. */
export async function followJob(
  first: Job,
  access: JobAccess,
  signal: AbortSignal | undefined
): Promise<Job> {
  const { id } = first
  const cancel = (): void => void access.remove(id).catch(() => undefined)
  signal?.addEventListener('abort', cancel)
  if (signal?.aborted === true) cancel()
  try {
    let job = first
    while (job.ended === null) {
      access.show(id, { job, cancel })
      await access.wait(EVERY)
      job = await access.read(id)
    }
    cancel()
    return job
  } finally {
    signal?.removeEventListener('abort', cancel)
    access.show(id, undefined)
  }
}
