// What all Arduino cores have in common and the sketches call, declared as the cores declare it,
// so that a compiler can check a sketch where no board is at hand.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <ctime>

typedef uint8_t byte;
typedef bool boolean;

class String {
public:
  String(const char *text = "");
  const char *c_str() const;
  unsigned int length() const;
  char operator[](unsigned int index) const;
  friend String operator+(const String &left, const char *right);
  friend String operator+(const String &left, unsigned int right);
};

class Print {
public:
  virtual size_t write(uint8_t value) = 0;
  virtual size_t write(const uint8_t *buffer, size_t size);
  size_t print(const char text[]);
  size_t print(const String &text);
  size_t println(const char text[]);
  size_t print(char letter);
  size_t print(double number, int digits = 2);
  size_t println(int number);
  size_t println(const class IPAddress &address);
  size_t println();
};

class Stream : public Print {};

class IPAddress {
public:
  IPAddress();
  IPAddress(uint8_t first, uint8_t second, uint8_t third, uint8_t fourth);
  bool fromString(const char *address);
  bool operator==(const IPAddress &address) const;
};

class Client : public Stream {
public:
  virtual int connect(IPAddress ip, uint16_t port) = 0;
  virtual int connect(const char *host, uint16_t port) = 0;
  virtual void stop() = 0;
};

class HardwareSerial : public Stream {
public:
  void begin(unsigned long baud);
  size_t write(uint8_t value) override;
  size_t write(const uint8_t *buffer, size_t size) override;
};
extern HardwareSerial Serial;

bool isDigit(int character);
unsigned long millis();
void delay(uint32_t milliseconds);
