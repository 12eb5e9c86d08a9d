// Imported first: WebKitGTK under LANG=C says its language is "C", which every formatter refuses.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en', configurable: true });
  Object.defineProperty(navigator, 'languages', { value: ['en'], configurable: true });
}
export {};
