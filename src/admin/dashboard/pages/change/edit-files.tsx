import { useMemo, useState } from 'preact/hooks'
import { namesIn } from '../../../web/editor/rule-names.js'
import { placedProblems, type PlacedProblem } from '../../../web/editor/rule-problems.js'
import { changedFiles } from '../../../web/proposed-change.js'
import { Failure, Load, Select } from '../../components.js'
import { edits, t } from '../../state.js'
import { useApi } from '../../use-api.js'
import { LazyEditor } from './lazy-editor.js'
import { FOLDER, type Proposal, type RuleFiles } from './proposal.js'
import { useCheck, type LiveCheck } from './use-check.js'

/** Problems that are listed; the editor marks all of its file. */
const MOST = 20

/** The files in force in an editor, with the problems of what was changed. */
export function Edit({
  onChosen
}: {
  readonly onChosen: (proposal: Proposal | undefined) => void
}) {
  const current = useApi<RuleFiles>('/rules/files')
  const [edited, setEdited] = useState(edits.all)
  const [path, setPath] = useState('networks.yaml')
  const [goal, setGoal] = useState<PlacedProblem | undefined>(undefined)
  const original = useMemo(
    () => new Map(current.data?.files.map(({ path, text }) => [path, text]) ?? []),
    [current.data]
  )
  const changed = current.data === undefined ? {} : changedFiles(original, edited)
  const names = useMemo(() => namesIn(new Map([...original, ...edited])), [original, edited])
  const live = useCheck(changed)
  const problems = useMemo(() => placedProblems(live.check ?? NONE), [live.check])
  const own = useMemo(() => problems.filter(({ file }) => file === path), [problems, path])
  const edit = (text: string): void => {
    const next = new Map(edited).set(path, text)
    edits.set(changedFiles(original, next))
    setEdited(next)
  }
  const check = (): void =>
    onChosen({
      upload: { type: FOLDER, body: JSON.stringify(changed) },
      base: 'active',
      summary: `${Object.keys(changed).join(', ')} ${Date.now()}`,
      isFolder: true
    })
  return (
    <Load from={current}>
      {({ files }) => (
        <div class="stack">
          <div class="row ends">
            <Select
              label={t('change.file')}
              value={path}
              options={files
                .filter(({ text }) => text !== null)
                .map(({ path: one }) => [one, one in changed ? `● ${one}` : one] as const)}
              onChange={next => {
                setGoal(undefined)
                setPath(next)
              }}
            />
            <button
              type="button"
              class="button main"
              disabled={Object.keys(changed).length === 0}
              onClick={check}
            >
              {t('change.check', { n: Object.keys(changed).length })}
            </button>
          </div>
          <LazyEditor
            key={path}
            {...{ path, names, goal, problems: own, onChange: edit }}
            text={edited.get(path) ?? original.get(path) ?? ''}
          />
          <Problems
            {...{ live, problems }}
            onOpen={problem => {
              if (original.get(problem.file) != null) setPath(problem.file)
              setGoal({ ...problem })
            }}
          />
          <p class="note">{t('change.editNote')}</p>
        </div>
      )}
    </Load>
  )
}

const NONE = { errors: [], warnings: [] }

/** What the check has found so far; each line leads to its place. */
function Problems({
  live: { check, error, isRunning },
  problems,
  onOpen
}: {
  readonly live: LiveCheck
  readonly problems: readonly PlacedProblem[]
  readonly onOpen: (problem: PlacedProblem) => void
}) {
  if (error !== undefined) return <Failure error={error} />
  if (check === undefined && !isRunning) return null
  const state = isRunning ? 'running' : check?.ok === true ? 'valid' : 'invalid'
  return (
    <div class="stack" data-live={state}>
      <p role="status" class={isRunning ? 'loading' : ''}>
        {isRunning
          ? t('change.checking')
          : check?.ok === true
            ? t('change.valid')
            : t('change.invalid', { n: check?.errors.length ?? 0 })}
      </p>
      {problems.length > 0 && (
        <ul class="problems">
          {problems.slice(0, MOST).map(problem => (
            <li key={JSON.stringify(problem)} class="break">
              <button type="button" class="link" onClick={() => onOpen(problem)}>
                {`${problem.file}:${problem.line}:${problem.column}`}
              </button>{' '}
              <span lang="en">{problem.message}</span> <code class="note">{problem.code}</code>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
