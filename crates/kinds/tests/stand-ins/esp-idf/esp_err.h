#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
void _esp_error_check_failed(esp_err_t code);
#define ESP_ERROR_CHECK(x) \
    do { \
        esp_err_t code_ = (x); \
        if (code_ != 0) _esp_error_check_failed(code_); \
    } while (0)
// newlib has it
size_t strlcpy(char *target, const char *source, size_t size);
