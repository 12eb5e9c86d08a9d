// <<w:commands_why>>
void onCommand(char* topic, byte* payload, unsigned int length) {
  Serial.print(topic);
  Serial.print(" ");
  Serial.write(payload, length);
  Serial.println();
}
