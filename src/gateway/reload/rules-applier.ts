import { failure } from '../../base/errors/error.js'
import type { SerializedError } from '../../base/errors/serialized-error.js'
import type { ServiceLog } from '../../base/log/service-log.js'
import { AppliedRules } from '../compiler/applied-rules.js'
import type { CompilerHandle } from '../compiler/compiler-handle.js'
import { appliedFolder } from '../compiler/rules-location.js'
import type { Config } from '../config/config.js'
import type { CompiledRules, FullResult } from './reload-reporter.js'

export interface RulesApplierOptions {
  readonly config: Config
  readonly compiler: CompilerHandle
  readonly log: ServiceLog
}

/** Saved rules to put in force. */
interface Application {
  /** Undefined: whatever they have. */
  readonly sha256: string | undefined
  /** Who has requested it, for the history. */
  readonly by: string | undefined
  /** Gets their SHA-256, or why they are not in force. */
  readonly done: (result: string | readonly SerializedError[]) => void
}

/** Saved rules that were compiled, and are to become active. */
export interface AppliedResult {
  readonly result: CompiledRules
  readonly by: string | undefined
  /** To be called when they are active. */
  readonly done: () => void
}

/** Puts a copy of saved rules in force on request, where they wait for that (`rules.activate: manual`). */
export class RulesApplier {
  /** A request to apply saved rules with the next reload. */
  private application: Application | undefined

  /** @param options those in force at the time of the call */
  constructor(private readonly options: () => RulesApplierOptions) {}

  /** The copy in force. Undefined: rules are active when they are saved. */
  get applied(): AppliedRules | undefined {
    const { activation, bundle, state } = this.options().config
    if (bundle !== undefined || activation.activate === 'on-save') return undefined
    return new AppliedRules(appliedFolder(state.folder))
  }

  /**
   * Requests that the next reload applies saved rules.
   *
   * @returns their SHA-256, or why they are not in force
   * @throws InterdictError APPLY_OFF, APPLY_BUSY
   */
  request(
    sha256: string | undefined,
    by: string | undefined
  ): Promise<string | readonly SerializedError[]> {
    if (this.applied === undefined) throw failure('APPLY_OFF')
    if (this.application !== undefined) throw failure('APPLY_BUSY')
    return new Promise(resolve => {
      this.application = { sha256, by, done: resolve }
    })
  }

  /**
   * Applies saved rules, if that was requested. If anything is wrong, the previous copy remains.
   *
   * @param compile compiles the copy
   * @param isClosed whether the gateway is stopping
   * @returns undefined: nothing was requested, or the request has failed
   */
  async apply(
    compile: () => Promise<FullResult>,
    isClosed: () => boolean
  ): Promise<AppliedResult | undefined> {
    const { application, applied } = this
    this.application = undefined
    if (application === undefined || applied === undefined) return undefined
    const { sha256, by, done } = application
    const prepared = await this.prepare(sha256)
    if (typeof prepared !== 'string') {
      this.fail(application, prepared)
      return undefined
    }
    applied.swap()
    const result = await compile()
    if (result.kind === 'rejected' || isClosed()) {
      applied.revert()
      this.fail(application, result.kind === 'rejected' ? result.errors : [])
      return undefined
    }
    applied.commit()
    return { result, by, done: () => done(prepared) }
  }

  private fail({ sha256, done }: Application, errors: readonly SerializedError[]): void {
    const { log } = this.options()
    for (const { code, message } of errors) log.error({ code }, message)
    log.error({ sha256, errors: errors.length }, 'apply failed: previous rules remain active')
    done(errors)
  }

  /** Ends an application that a crash has interrupted; a copy is of no use where saved rules are active. */
  recover(): void {
    const { applied } = this
    if (applied === undefined)
      new AppliedRules(appliedFolder(this.options().config.state.folder)).remove()
    else applied.recover()
  }

  /** Copies the rules that became active without being applied, since there were none. @returns the errors */
  async keepFirst(): Promise<readonly SerializedError[]> {
    const { applied } = this
    if (applied === undefined || applied.exists) return []
    const prepared = await this.prepare(undefined)
    if (typeof prepared !== 'string') return prepared
    applied.swap()
    return []
  }

  private prepare(sha256: string | undefined): Promise<string | readonly SerializedError[]> {
    const { config, compiler } = this.options()
    const { rules: saved, state, asnDatabase } = config
    const applied = appliedFolder(state.folder)
    return compiler.prepare({ saved, applied, sha256, asnDatabase })
  }
}
