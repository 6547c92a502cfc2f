/** Who the buyer is, for shops that take orders by this form. The browser checks and fills it in. */

import { type TemplateResult, html } from 'lit';

import { type MessageKey, t } from '../../shared/i18n';
import type { Contact } from './checkout';

interface Field {
  readonly name: keyof Contact;
  readonly type: string;
  readonly autocomplete: string;
  readonly required: boolean;
  readonly most: number;
}

const FIELDS: readonly Field[] = [
  { name: 'name', type: 'text', autocomplete: 'name', required: true, most: 200 },
  { name: 'email', type: 'email', autocomplete: 'email', required: true, most: 254 },
  { name: 'phone', type: 'tel', autocomplete: 'tel', required: false, most: 40 },
  {
    name: 'address',
    type: 'text',
    autocomplete: 'street-address',
    required: false,
    most: 500,
  },
];

/** `onSend` gets a contact that the browser has found whole. */
export function contactForm(
  given: Contact | null,
  onSend: (contact: Contact) => void,
): TemplateResult {
  const submit = (event: Event) => {
    event.preventDefault();
    onSend(contactOf(new FormData(event.target as HTMLFormElement)));
  };
  return html`<form id="contact" class="contact" @submit=${submit}>
    <p class="hint">${t('contact.hint')}</p>
    ${FIELDS.map((each) => field(each, given?.[each.name] ?? ''))}
  </form>`;
}

function field({ name, type, autocomplete, required, most }: Field, value: string): TemplateResult {
  const label: MessageKey = `contact.${name}`;
  return html`<div class="field">
    <label for=${`contact-${name}`}>
      ${t(label)} ${required ? '' : html`<small>${t('contact.optional')}</small>`}
    </label>
    <input
      id=${`contact-${name}`}
      name=${name}
      type=${type}
      autocomplete=${autocomplete as 'name'}
      maxlength=${most}
      ?required=${required}
      .value=${value}
    />
  </div>`;
}

function contactOf(form: FormData): Contact {
  const text = (name: keyof Contact) => String(form.get(name) ?? '').trim();
  return { name: text('name'), email: text('email'), phone: text('phone'), address: text('address') };
}
