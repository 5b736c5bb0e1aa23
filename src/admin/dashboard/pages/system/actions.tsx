import { useState } from 'preact/hooks'
import { Badge, Card, Failure, Field } from '../../components.js'
import { api, t, word } from '../../state.js'
import { useAction } from '../../use-api.js'

export function Actions() {
  const [name, setName] = useState('')
  const [hasSubtree, setSubtree] = useState(false)
  const [done, setDone] = useState('')
  const { error, run } = useAction()
  const act = (work: () => Promise<string>): void => {
    setDone('')
    void run(async () => setDone(await work()))
  }
  const flush = (event: Event): void => {
    event.preventDefault()
    act(async () => {
      const result = await api.send<{ dropped: number }>('POST', '/cache/flush', {
        name,
        subtree: hasSubtree
      })
      return t('system.flushed', { n: result!.dropped })
    })
  }
  const reload = (): void =>
    act(async () => {
      const result = await api.send<{ outcome: string }>('POST', '/rules/reload')
      return word('outcomeOf', result!.outcome)
    })
  return (
    <Card title={t('system.actions')}>
      {error !== undefined && <Failure error={error} />}
      <form class="row ends" onSubmit={flush}>
        <Field label={t('system.flush')} wide>
          <input
            required
            value={name}
            placeholder="www.example.com"
            spellcheck={false}
            onInput={event => setName(event.currentTarget.value)}
          />
        </Field>
        <label class="row check">
          <input
            type="checkbox"
            checked={hasSubtree}
            onChange={event => setSubtree(event.currentTarget.checked)}
          />
          <span>{t('system.subtree')}</span>
        </label>
        <button class="button">{t('system.flushNow')}</button>
        <button type="button" class="button" onClick={reload}>
          {t('system.reload')}
        </button>
        <span role="status">{done !== '' && <Badge tone="good">{done}</Badge>}</span>
      </form>
    </Card>
  )
}
