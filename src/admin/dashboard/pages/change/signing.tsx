import { useEffect, useState } from 'preact/hooks'
import { ApiError, type Upload } from '../../../web/api/client.js'
import type { Draft } from '../../../web/api/types/draft-responses.js'
import { BundleFileError, hasTexts } from '../../../web/signing/bundle-file.js'
import { KeyFileError, publicPem, signBundle } from '../../../web/signing/signing-key.js'
import { Alert, Card, Failure, Field } from '../../components.js'
import { saveBlob } from '../../export-buttons.js'
import { api, t, word } from '../../state.js'
import { useAction } from '../../use-api.js'
import { createKey, importKey, readSigningKey, removeKey, signingKey } from './key-store.js'
import { BUNDLE, FOLDER } from './proposal.js'

const FILE = 'rules.bundle'
const KEY_FILE = 'KEY_FILE'
const BUNDLE_FILE = 'BUNDLE_FILE'

/** What the browser refuses, as an error like those of the API. */
function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof KeyFileError) return new ApiError(0, KEY_FILE, error.message)
  if (error instanceof BundleFileError) return new ApiError(0, BUNDLE_FILE, error.message)
  return new ApiError(0, 'FAULT', String(error))
}

const orApiError = async (work: () => Promise<void>): Promise<void> => {
  try {
    await work()
  } catch (error) {
    throw asApiError(error)
  }
}

/** The key of this browser, or why there can be none and what to do instead. */
export function SigningKeyCard() {
  const { error, isBusy, run } = useAction()
  useEffect(() => void readSigningKey(), [])
  const key = signingKey.value
  const press = (work: () => Promise<void>) => (): void => void run(() => orApiError(work))
  return (
    <Card title={t('sign.title')} id="signing">
      <p class="faint">{t('sign.intro')}</p>
      {error !== undefined && <KeyFailure error={error} />}
      {(key === 'insecure' || key === 'unsupported') && <Unable why={key} />}
      {key === 'none' && (
        <div class="row ends" data-key="none">
          <button
            type="button"
            class="button main"
            data-button="create-key"
            disabled={isBusy}
            onClick={press(createKey)}
          >
            {t('sign.create')}
          </button>
          <Field label={t('sign.import')}>
            <input
              type="file"
              accept=".pem"
              data-input="key"
              onChange={({ currentTarget: { files } }) => {
                const [file] = files ?? []
                if (file !== undefined) press(() => importKey(file))()
              }}
            />
          </Field>
        </div>
      )}
      {typeof key === 'object' && (
        <div class="stack" data-key="stored">
          <p>{t('sign.trust')}</p>
          <p>
            <code class="break" data-public>
              {key.publicKey}
            </code>
          </p>
          <pre class="diff" role="region" tabIndex={0} aria-label={t('sign.public')}>
            {publicPem(key)}
          </pre>
          <div class="row">
            <button type="button" class="button" disabled={isBusy} onClick={press(removeKey)}>
              {t('sign.remove')}
            </button>
          </div>
        </div>
      )}
    </Card>
  )
}

function KeyFailure({ error }: { readonly error: ApiError }) {
  const known = { [KEY_FILE]: t('sign.badKey'), [BUNDLE_FILE]: t('sign.changed') }[error.code]
  if (known === undefined) return <Failure error={error} />
  return (
    <div role="alert">
      <Alert tone="bad" title={known} />
    </div>
  )
}

/** The same by commands. */
function Unable({ why }: { readonly why: 'insecure' | 'unsupported' }) {
  return (
    <div data-signing={why}>
      <Alert tone="warn" title={t(why === 'insecure' ? 'sign.insecure' : 'sign.unsupported')}>
        <p>{t(why === 'insecure' ? 'sign.insecureText' : 'sign.unsupportedText')}</p>
        <p>
          <code class="break">{`interdict bundle sign ${FILE} --key KEY.pem`}</code>
        </p>
      </Alert>
    </div>
  )
}

interface Outcome {
  readonly outcome: string
  readonly first: readonly { readonly code: string; readonly message: string }[]
}

/** What putting a bundle in force has come to. */
export function BundleOutcome({ result: { outcome, first } }: { readonly result: Outcome }) {
  return (
    <div data-outcome={outcome}>
      <Alert tone={outcome === 'refused' ? 'bad' : 'good'} title={word('outcomeOf', outcome)}>
        {first.map(({ message }) => (
          <p key={message}>{message}</p>
        ))}
      </Alert>
    </div>
  )
}

export const putBundle = async (body: Upload['body']): Promise<Outcome> =>
  (await api.send<Outcome>('PUT', '/rules/bundle', { type: BUNDLE, body }))!

/** Signs a draft as a bundle, which is put in force or saved for another signature. */
export function SignDraft({
  draft: { texts },
  onApplied
}: {
  readonly draft: Draft
  readonly onApplied: () => void
}) {
  const { error, isBusy, run } = useAction()
  const [result, setResult] = useState<Outcome | undefined>(undefined)
  useEffect(() => void readSigningKey(), [])
  const key = signingKey.value
  if (result?.outcome === 'accepted') return <BundleOutcome result={result} />
  if (key === 'insecure' || key === 'unsupported') return <Unable why={key} />
  if (typeof key !== 'object') return <p class="note">{t('sign.needKey')}</p>
  const signed = async (): Promise<Blob> => {
    const upload = { type: FOLDER, body: JSON.stringify(texts) }
    const packed = await api.download('/rules/candidate/bundle?base=active', upload)
    const file = new Uint8Array(await packed.arrayBuffer())
    // A signature is for what this page has shown.
    if (!(await hasTexts(file, texts))) throw new BundleFileError('other texts')
    return new Blob([await signBundle(file, key)])
  }
  const put = async (): Promise<void> => {
    const found = await putBundle(await signed())
    setResult(found)
    if (found.outcome === 'accepted') onApplied()
  }
  const save = async (): Promise<void> => saveBlob(await signed(), FILE)
  return (
    <div class="stack">
      {error !== undefined && <KeyFailure error={error} />}
      {result !== undefined && <BundleOutcome result={result} />}
      <div class="row">
        <button
          type="button"
          class="button main"
          data-button="sign"
          disabled={isBusy}
          onClick={() => void run(() => orApiError(put))}
        >
          {t('sign.apply')}
        </button>
        <button
          type="button"
          class="button"
          disabled={isBusy}
          onClick={() => void run(() => orApiError(save))}
        >
          {t('sign.save')}
        </button>
      </div>
    </div>
  )
}
