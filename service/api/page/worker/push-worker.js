// Service worker: shows messages of Web Push about rain, and opens the map where one is clicked.

self.addEventListener("push", (event) => {
  const { title, text, alert } = event.data.json();
  // A later message about the same place takes the place of an earlier one.
  const options = { body: text, tag: alert, renotify: true };
  event.waitUntil(self.registration.showNotification(title, options));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(showMap());
});

/** Show the map in a window that is open, or in a new one. */
async function showMap() {
  const open = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = open.find(({ url }) => url.startsWith(self.registration.scope));
  return page ? page.focus() : self.clients.openWindow(self.registration.scope);
}
