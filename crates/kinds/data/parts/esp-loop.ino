void loop() {
  if (!mqtt.connected()) {
    joinWifi();
    bool ready = WiFi.status() == WL_CONNECTED;
    if (ready) setClock();
    if (!ready || !connectToCourtier()) {
      // <<w:backoff_why>>
      delay(waitSeconds * 1000);
      waitSeconds = waitSeconds < 16 ? waitSeconds * 2 : 30;
      return;
    }
    waitSeconds = 1;
  }
  mqtt.loop();
  if (millis() - lastSent >= 1000) {
    lastSent = millis();
    char message[48];
