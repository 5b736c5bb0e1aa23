import { useState } from 'preact/hooks'
import type { Listing } from '../../../web/api/types/rule-responses.js'
import {
  editOf,
  FIELDS,
  FORM_KINDS,
  FORM_TYPES,
  formFrom,
  OPTIONAL,
  subjectOf,
  type FormField,
  type FormKind,
  type RuleForm
} from '../../../web/rule-form.js'
import { Alert, Card, Failure, Field, Select } from '../../components.js'
import { api, kept, may, me, navigate, place, t, word } from '../../state.js'
import { useAction, useApi } from '../../use-api.js'
import { DiffText } from './changed-lines.js'
import { ApplyCommand } from './drafts.js'
import { FOLDER, type Proposal } from './proposal.js'
import { Judged } from './verdict.js'

const KEPT = 'interdict.form'

interface Edited {
  readonly file: string
  readonly text: string
  readonly diff: string
}

/** What the address opens; otherwise what was typed before. */
function initialForm(): RuleForm {
  const { parameters } = place.value
  const opened = formFrom(parameters, me.value?.name ?? '', new Date())
  if (parameters.has('add')) return opened
  return { ...opened, ...(kept.get(KEPT) as Partial<RuleForm> | undefined) }
}

/** A rule or record by form: preview, then a draft. */
export function RuleFormCard({ onMade }: { readonly onMade: () => void }) {
  const [form, setForm] = useState(initialForm)
  const [edited, setEdited] = useState<Edited | undefined>(undefined)
  const [made, setMade] = useState<string | undefined>(undefined)
  const { error, isBusy, run } = useAction()
  const networks = useApi<Listing<{ readonly id: string }>>('/networks', { limit: 1000 })
  const ids = networks.data?.items.map(({ id }) => id) ?? []
  const change = (changed: Partial<RuleForm>): void => {
    const next = { ...form, ...changed }
    kept.set(KEPT, next)
    setForm(next)
    setEdited(undefined)
    setMade(undefined)
  }
  const preview = (): Promise<void> =>
    run(async () =>
      setEdited(await api.send<Edited>('POST', '/rules/edits', { edits: [editOf(form)] }))
    )
  const proposal: Proposal | undefined = edited && {
    upload: { type: FOLDER, body: JSON.stringify({ [edited.file]: edited.text }) },
    base: 'active',
    summary: edited.diff,
    isFolder: true
  }
  const make = (): Promise<void> =>
    run(async () => {
      const title = `${word('formKind', form.kind)}: ${subjectOf(form)}`
      const reason = form.purpose || form.comment || form.reference || title
      const query = new URLSearchParams({
        title: title.slice(0, 500),
        reason: reason.slice(0, 500)
      })
      const path = `/rules/drafts?${query.toString()}`
      const { id } = (await api.send<{ id: string }>('POST', path, proposal!.upload))!
      kept.set(KEPT, undefined)
      setEdited(undefined)
      setMade(id)
      if (place.value.parameters.has('add')) navigate('/change', true)
      onMade()
    })
  return (
    <Card title={t('form.title')} id="add">
      <form
        class="stack"
        onSubmit={event => {
          event.preventDefault()
          void preview()
        }}
      >
        <div class="row ends">
          <Select
            name="kind"
            label={t('form.kind')}
            value={form.kind}
            options={FORM_KINDS.map(kind => [kind, word('formKind', kind)] as const)}
            onChange={kind => change({ kind: kind as FormKind })}
          />
          {FIELDS[form.kind].map(field => (
            <OneField
              key={`${form.kind} ${field}`}
              {...{ field, form, ids }}
              onChange={value => change({ [field]: value })}
            />
          ))}
          <button class="button main" disabled={isBusy} data-button="preview">
            {t('form.preview')}
          </button>
        </div>
      </form>
      {error !== undefined && <Failure error={error} />}
      {edited !== undefined && (
        <>
          <h3>{t('form.lines')}</h3>
          <DiffText text={edited.diff} />
          <Judged key={edited.text} proposal={proposal!} />
          {may('operate') ? (
            <div class="row">
              <button
                type="button"
                class="button main"
                data-button="draft"
                disabled={isBusy}
                onClick={() => void make()}
              >
                {t('form.make')}
              </button>
              <span class="note">{t('form.makeNote')}</span>
            </div>
          ) : (
            <p class="note">{t('needsScope', { scope: 'operate' })}</p>
          )}
        </>
      )}
      {made !== undefined && (
        <Alert tone="good" title={t('form.made')}>
          <ApplyCommand id={made} />
        </Alert>
      )}
    </Card>
  )
}

function OneField({
  field,
  form,
  ids,
  onChange
}: {
  readonly field: FormField
  readonly form: RuleForm
  readonly ids: readonly string[]
  readonly onChange: (value: string) => void
}) {
  const label = word('formField', field)
  const value = form[field]
  const isOptional = OPTIONAL[form.kind].includes(field)
  if (field === 'network') {
    const first = isOptional ? t('form.allNetworks') : '–'
    const options = [['', first] as const, ...ids.map(id => [id, id] as const)]
    return <Select name={field} label={label} value={value} options={options} onChange={onChange} />
  }
  if (field === 'type') {
    const options = FORM_TYPES.map(type => [type, type.toUpperCase()] as const)
    return <Select name={field} label={label} value={value} options={options} onChange={onChange} />
  }
  const input = {
    ...{ name: field, value, required: !isOptional, maxLength: 500, spellcheck: false },
    onInput: (event: { readonly currentTarget: HTMLInputElement }) =>
      onChange(event.currentTarget.value)
  }
  return (
    <Field label={label} wide={field !== 'until'}>
      {field === 'until' ? <input {...input} type="date" /> : <input {...input} type="text" />}
    </Field>
  )
}
