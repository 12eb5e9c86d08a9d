void joinWifi() {
  if (WiFi.status() == WL_CONNECTED) return;
  Serial.print("<<w:msg_wifi>>");
  Serial.println(WIFI_NAME);
  WiFi.mode(WIFI_STA);
  WiFi.begin(WIFI_NAME, WIFI_PASSWORD);
  for (int i = 0; i < 100 && WiFi.status() != WL_CONNECTED; i++) delay(200);
  if (WiFi.status() != WL_CONNECTED) return;
  Serial.print("<<w:msg_wifi_ok>>");
  Serial.println(WiFi.localIP());
