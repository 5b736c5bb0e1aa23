import type { FromCompiler, ToCompiler } from './messages.js'
import type { StartThread, Thread } from './thread.js'
import { troubleOf } from './trouble.js'

/** The compiler thread, seen from the control thread: one compilation at a time. */
export class Compiler {
  private readonly thread: Thread<ToCompiler>
  private waiting: ((result: FromCompiler) => void) | undefined
  private dead: Error | undefined

  constructor(startThread: StartThread, folder: string) {
    this.thread = startThread<ToCompiler, FromCompiler>(
      'compiler-main.js',
      { folder },
      {
        message: result => this.settle(result),
        gone: error => {
          this.dead = error ?? new Error('the compiler thread ended')
          this.settle({ kind: 'refused', errors: [troubleOf(this.dead)], files: [] })
        }
      }
    )
  }

  /** Whether it has died, and another has to be made. */
  get gone(): boolean {
    return this.dead !== undefined
  }

  compile(generation: number): Promise<FromCompiler> {
    return new Promise(resolve => {
      this.waiting = resolve
      if (this.dead !== undefined) {
        this.settle({ kind: 'refused', errors: [troubleOf(this.dead)], files: [] })
      } else {
        this.thread.send({ generation })
      }
    })
  }

  close(): Promise<void> {
    return this.thread.end()
  }

  private settle(result: FromCompiler): void {
    this.waiting?.(result)
    this.waiting = undefined
  }
}
