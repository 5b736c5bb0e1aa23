import {
  failureAt,
  type ErrorCode,
  type ErrorDetail,
  type InterdictError
} from '../../../base/errors/error.js'
import type { Position } from '../../../base/errors/position.js'
import type { Path } from '../../yaml/issues.js'
import { showPath } from '../../yaml/issues.js'
import type { ParsedYaml } from '../../yaml/read.js'
import { mayLeadTo } from './follow-up-errors.js'

/**
 * A place in `networks.yaml`, with the errors and warnings found so far, so that all of them are
 * reported at once.
 */
export class Location {
  private found: Position | undefined

  constructor(
    private readonly yaml: ParsedYaml<unknown>,
    /** The file's name relative to the rules folder, as in rules and the query log. */
    readonly file: string,
    readonly errors: InterdictError[] = [],
    readonly warnings: InterdictError[] = [],
    private readonly parent?: Location,
    private readonly step?: string | number
  ) {}

  /** The location of a child. */
  at(...steps: Path): Location {
    const { yaml, file, errors, warnings } = this
    return steps.reduce<Location>(
      (parent, step) => new Location(yaml, file, errors, warnings, parent, step),
      this
    )
  }

  /** A path is needed for positions and messages only. */
  private get path(): Path {
    const path: (string | number)[] = []
    this.addTo(path)
    return path
  }

  private addTo(path: (string | number)[]): void {
    this.parent?.addTo(path)
    if (this.step !== undefined) path.push(this.step)
  }

  /** Position with the file name relative to the rules folder. */
  get position(): Position {
    return (this.found ??= this.withName(this.messagePosition))
  }

  /** The same for the key instead of the value. */
  get keyPosition(): Position {
    return this.withName(this.yaml.positionOf(this.path, 'key'))
  }

  private withName({ line, column }: Position): Position {
    return { file: this.file, line, column }
  }

  /** Position with the file name as messages show it. */
  get messagePosition(): Position {
    return this.yaml.positionOf(this.path)
  }

  /** `networks.local.bans[0]` */
  get pathText(): string {
    return showPath(this.path)
  }

  /** Records an error here, unless one that is reported already may have led to it. */
  error<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    if (this.yaml.broken?.some(broken => mayLeadTo(broken, code, this.path)) === true) return
    this.errors.push(failureAt(this.messagePosition, code, ...detail))
  }

  /** Records a warning here. */
  warn<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.warnings.push(failureAt(this.messagePosition, code, ...detail))
  }
}
