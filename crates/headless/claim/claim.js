// The page that a phone opens by the QR code. The token stands in the fragment and is never sent;
// what comes back is opened here. Everything shown is text, never HTML.
'use strict';

const WORDS = {
  fr: {
    ask: 'Recevoir cet appareil', title: 'Un appareil vous attend', once: 'Ce code ne sert qu’une fois. Touchez le bouton quand vous êtes prêt.',
    honest: 'La page arrive sans chiffrement : elle protège de ceux qui écoutent le Wi-Fi, pas de quelqu’un qui modifierait le trafic. Comparez le code de contrôle avec celui de l’ordinateur.',
    done: 'Voici sa carte', address: 'Adresse', port: 'Port', name: 'Nom', password: 'Mot de passe', topic: 'Sujet', check: 'Code de contrôle',
    shown: 'Notez-la ou gardez ses fichiers : elle n’est montrée qu’ici, tant que la page reste ouverte.', files: 'Ses fichiers',
    bad: 'Cette adresse n’est pas complète. Scannez le code à nouveau.', used: 'Ce code a déjà servi ou a expiré. Demandez-en un autre : « Nouveau secret », sur la page des appareils.',
    tries: 'Trop d’essais. Attendez une minute.', net: 'Le courtier ne répond pas. Êtes-vous sur le Wi-Fi de la salle ?', broken: 'Ce qui est arrivé n’est pas ce que Courtier a scellé. Demandez un nouveau code.',
  },
  en: {
    ask: 'Receive this device', title: 'A device is waiting for you', once: 'This code works once. Touch the button when you are ready.',
    honest: 'The page comes without encryption: it protects from those who listen on the Wi-Fi, not from somebody who changes the traffic. Compare the check code with the one on the computer.',
    done: 'Here is its card', address: 'Address', port: 'Port', name: 'Name', password: 'Password', topic: 'Topic', check: 'Check code',
    shown: 'Write it down or keep its files: it is shown only here, as long as this page is open.', files: 'Its files',
    bad: 'This address is not complete. Scan the code again.', used: 'This code was used or has expired. Ask for another: "New secret" on the devices page.',
    tries: 'Too many tries. Wait a minute.', net: 'The broker does not answer. Are you on the room’s Wi-Fi?', broken: 'What arrived is not what Courtier sealed. Ask for a new code.',
  },
};
const language = (navigator.language || 'fr').toLowerCase().startsWith('fr') ? 'fr' : 'en';
const words = WORDS[language];
document.documentElement.lang = language;
const main = document.querySelector('main');

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function show(...children) {
  main.replaceChildren(...children);
}

function refuse(sentence) {
  show(element('h1', words.title), element('p', sentence, { class: 'bad', role: 'alert' }));
}

async function claim(token, button) {
  button.disabled = true;
  let answer;
  try {
    answer = await fetch(`/c/${courtierClaim.claimId(token)}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}', cache: 'no-store' });
  } catch {
    button.disabled = false;
    main.append(element('p', words.net, { class: 'bad', role: 'alert' }));
    return;
  }
  if (answer.status === 429) return refuse(words.tries);
  if (!answer.ok) return refuse(words.used);
  try {
    const plain = courtierClaim.openSealed(token, new Uint8Array(await answer.arrayBuffer()));
    card(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    refuse(words.broken);
  }
}

function card(bundle) {
  const list = element('dl');
  const row = (name, value, kind) => {
    if (value === undefined || value === null || value === '') return;
    const cell = element('dd');
    cell.append(kind ? element('span', String(value), { class: kind }) : String(value));
    list.append(element('dt', name), cell);
  };
  row(words.address, [bundle.host, ...(bundle.hosts || [])].filter((host, at, all) => host && all.indexOf(host) === at).join(', '));
  row(words.port, bundle.port);
  row(words.name, bundle.user || bundle.device);
  row(words.password, bundle.password, 'secret');
  row(words.topic, bundle.topic);
  row(words.check, bundle.check_code);
  const label = element('section', undefined, { class: 'label' });
  label.append(element('h2', bundle.device || bundle.user || ''), list);
  const parts = [element('h1', words.done), label, element('p', words.shown, { class: 'note' })];
  const files = (bundle.files || []).filter((file) => typeof file.text === 'string');
  if (files.length) parts.push(element('h1', words.files));
  for (const file of files) {
    const url = URL.createObjectURL(new Blob([file.text], { type: 'text/plain' }));
    parts.push(element('a', file.name, { class: 'file', href: url, download: file.name }));
  }
  show(...parts);
}

const token = courtierClaim.canonicalToken(decodeURIComponent(location.hash.slice(1)));
if (token) {
  const button = element('button', words.ask, { class: 'main', type: 'button' });
  button.addEventListener('click', () => claim(token, button));
  show(element('h1', words.title), element('p', words.once), button, element('p', words.honest, { class: 'note' }));
} else {
  refuse(words.bad);
}
