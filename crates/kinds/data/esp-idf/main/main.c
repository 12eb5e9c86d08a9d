// <<rem:device_id>> · <<rem:group>> · <<rem:site>>
// <<w:intro>>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_timer.h"
#include "esp_wifi.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "mqtt_client.h"
#include "nvs_flash.h"
#include "settings.h"

static const char *TAG = "courtier";
static const char *HOSTS[] = {BROKER_NAME, BROKER_ADDRESS};
static esp_mqtt_client_handle_t client;
static volatile bool started;
static volatile bool connected;
static unsigned host;

// <<w:curve_why>>
static double read_temperature(void) {
    return 21.0 + 3.0 * sin((double)esp_timer_get_time() / 30e6);
}

// <<w:hosts_why>>
static void choose_host(esp_mqtt_client_config_t *config) {
    config->broker.address.hostname = HOSTS[host];
    config->broker.address.port = BROKER_PORT;
    config->broker.address.transport = MQTT_TRANSPORT_OVER_SSL;
    // <<w:verify_why>>
    config->broker.verification.certificate = AUTHORITY_PEM;
    config->broker.verification.common_name = BROKER_NAME;
    config->credentials.client_id = DEVICE_ID;
    config->credentials.username = DEVICE_ID;
    config->credentials.authentication.password = DEVICE_PASSWORD;
    config->session.keepalive = 30;
}

static void on_mqtt(void *arg, esp_event_base_t base, int32_t id, void *data) {
    (void)arg;
    (void)base;
    esp_mqtt_event_handle_t event = data;
    if (id == MQTT_EVENT_CONNECTED) {
        connected = true;
        esp_mqtt_client_subscribe_single(event->client, COMMAND_FILTER, 1);
        ESP_LOGI(TAG, "<<w:msg_connected>>");
    } else if (id == MQTT_EVENT_DISCONNECTED) {
        ESP_LOGW(TAG, "<<w:msg_lost>> %s", HOSTS[host]);
        if (!connected) host = (host + 1) % 2;
        connected = false;
    } else if (id == MQTT_EVENT_BEFORE_CONNECT) {
        esp_mqtt_client_config_t config = {0};
        choose_host(&config);
        esp_mqtt_set_config(event->client, &config);
    } else if (id == MQTT_EVENT_DATA) {
        // <<w:commands_why>>
        ESP_LOGI(TAG, "%.*s %.*s", event->topic_len, event->topic, event->data_len, event->data);
    }
}

static void on_network(void *arg, esp_event_base_t base, int32_t id, void *data) {
    (void)arg;
    (void)data;
    if (base == WIFI_EVENT && (id == WIFI_EVENT_STA_START || id == WIFI_EVENT_STA_DISCONNECTED)) {
        ESP_LOGI(TAG, "<<w:msg_wifi>>%s", WIFI_NAME);
        esp_wifi_connect();
    } else if (base == IP_EVENT && id == IP_EVENT_STA_GOT_IP && !started) {
        started = true;
        ESP_ERROR_CHECK(esp_mqtt_client_start(client));
    }
}

static void join_wifi(void) {
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    esp_netif_create_default_wifi_sta();
    wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    ESP_ERROR_CHECK(esp_wifi_init(&init));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_network, NULL, NULL));
    ESP_ERROR_CHECK(esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_network, NULL, NULL));
    wifi_config_t wifi = {0};
    strlcpy((char *)wifi.sta.ssid, WIFI_NAME, sizeof(wifi.sta.ssid));
    strlcpy((char *)wifi.sta.password, WIFI_PASSWORD, sizeof(wifi.sta.password));
    ESP_ERROR_CHECK(esp_wifi_set_mode(WIFI_MODE_STA));
    ESP_ERROR_CHECK(esp_wifi_set_config(WIFI_IF_STA, &wifi));
    ESP_ERROR_CHECK(esp_wifi_start());
}

void app_main(void) {
    ESP_ERROR_CHECK(nvs_flash_init());
    esp_mqtt_client_config_t config = {0};
    choose_host(&config);
    client = esp_mqtt_client_init(&config);
    ESP_ERROR_CHECK(esp_mqtt_client_register_event(client, MQTT_EVENT_ANY, on_mqtt, NULL));
    join_wifi();
    while (true) {
        if (connected) {
            char message[48];
            snprintf(message, sizeof(message), "{\"temperature\":%.1f}", read_temperature());
            esp_mqtt_client_publish(client, PUBLISH_TOPIC, message, 0, 1, 0);
        }
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
