import {
  failureAt,
  type ErrorCode,
  type ErrorDetail,
  type InterdictError
} from '../../base/error.js'
import type { Position } from '../../base/position.js'
import type { Path } from '../../yaml/issues.js'
import { showPath } from '../../yaml/issues.js'
import type { ParsedYaml } from '../../yaml/read.js'

/**
 * A place in `networks.yaml`, with the errors and warnings found so far, so that all of them are
 * reported at once.
 */
export class Location {
  constructor(
    private readonly yaml: ParsedYaml<unknown>,
    /** The file's name relative to the rules folder, as in rules and the query log. */
    readonly file: string,
    readonly errors: InterdictError[] = [],
    readonly warnings: InterdictError[] = [],
    readonly path: Path = []
  ) {}

  /** The location of a child. */
  at(...steps: Path): Location {
    const { yaml: reading, file, errors, warnings, path } = this
    return new Location(reading, file, errors, warnings, [...path, ...steps])
  }

  /** Position with the file name relative to the rules folder. */
  get position(): Position {
    return { ...this.messagePosition, file: this.file }
  }

  /** The same for the key instead of the value. */
  get keyPosition(): Position {
    return { ...this.yaml.positionOf(this.path, 'key'), file: this.file }
  }

  /** Position with the file name as messages show it. */
  get messagePosition(): Position {
    return this.yaml.positionOf(this.path)
  }

  /** `networks.local.bans[0]` */
  get pathText(): string {
    return showPath(this.path)
  }

  /** Records an error here. */
  error<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.errors.push(failureAt(this.messagePosition, code, ...detail))
  }

  /** Records a warning here. */
  warn<C extends ErrorCode>(code: C, ...detail: ErrorDetail<C>): void {
    this.warnings.push(failureAt(this.messagePosition, code, ...detail))
  }
}
