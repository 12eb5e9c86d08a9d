  String answer = http.GET() == 200 ? http.getString() : String();
  http.end();
  int digits = 0;
  uint32_t seconds = 0;
  for (unsigned int i = 0; i < answer.length() && digits < 10; i++) {
    bool digit = isDigit(answer[i]);
    seconds = digit ? seconds * 10 + (answer[i] - '0') : 0;
    digits = digit ? digits + 1 : 0;
  }
  if (digits < 10) return false;
  struct timeval now = { (time_t)seconds, 0 };
  settimeofday(&now, nullptr);
  return clockIsSet();
}

// <<w:clock_why>>
void setClock() {
  while (!clockIsSet()) {
    // <<w:clock_internet>>
    configTime(0, 0, "pool.ntp.org", "time.cloudflare.com");
    for (int i = 0; i < 40 && !clockIsSet(); i++) delay(200);
    if (clockIsSet() || askCourtierForTime()) return;
    Serial.println("<<w:msg_clock>>");
    delay(2000);
  }
}
