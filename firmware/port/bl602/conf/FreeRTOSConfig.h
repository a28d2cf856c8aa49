/* FreeRTOS for all three roles; the SDK compiles its kernel with this file. */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

#include <stdio.h>

#define configCPU_CLOCK_HZ   ((uint32_t)1000000) /* of the machine timer, not of the core */
#define configTICK_RATE_HZ   ((TickType_t)1000)
#define configMAX_PRIORITIES 32 /* the Wi-Fi library's task has 30 */

#define configMINIMAL_STACK_SIZE     128  /* words, idle task */
#define configTIMER_TASK_STACK_DEPTH 1024 /* words */
#define configTOTAL_HEAP_SIZE        0    /* the SDK's allocator is used */
#define configMAX_TASK_NAME_LEN      16
#define configTIMER_QUEUE_LENGTH     4
#define configTIMER_TASK_PRIORITY    (configMAX_PRIORITIES - 1)
#define configQUEUE_REGISTRY_SIZE    0

#define configUSE_PREEMPTION                    1
#define configUSE_PORT_OPTIMISED_TASK_SELECTION 1
#define configIDLE_SHOULD_YIELD                 0
#define configUSE_16_BIT_TICKS                  0
#define configUSE_TICKLESS_IDLE                 0
#define configUSE_IDLE_HOOK                     0
#define configUSE_TICK_HOOK                     0
#define configUSE_MALLOC_FAILED_HOOK            1
#define configCHECK_FOR_STACK_OVERFLOW          2
#define configSUPPORT_STATIC_ALLOCATION         1

#define configUSE_TIMERS               1
#define configUSE_MUTEXES              1
#define configUSE_RECURSIVE_MUTEXES    1
#define configUSE_COUNTING_SEMAPHORES  1
#define configUSE_TRACE_FACILITY       1
#define configUSE_APPLICATION_TASK_TAG 1 /* the SDK's POSIX threads */
#define configUSE_POSIX_ERRNO          1
#define configUSE_CO_ROUTINES          0

#define configNUM_THREAD_LOCAL_STORAGE_POINTERS     1
#define configTHREAD_LOCAL_STORAGE_DELETE_CALLBACKS 1

#define INCLUDE_vTaskPrioritySet            1
#define INCLUDE_uxTaskPriorityGet           1
#define INCLUDE_vTaskDelete                 1
#define INCLUDE_vTaskSuspend                1
#define INCLUDE_vTaskDelayUntil             1
#define INCLUDE_vTaskDelay                  1
#define INCLUDE_eTaskGetState               1
#define INCLUDE_xTimerPendFunctionCall      1
#define INCLUDE_xTaskAbortDelay             1
#define INCLUDE_xTaskGetHandle              1
#define INCLUDE_xTaskGetSchedulerState      1
#define INCLUDE_xSemaphoreGetMutexHolder    1
#define INCLUDE_uxTaskGetStackHighWaterMark 1

void vAssertCalled(void);
#define configASSERT(x)                                                                            \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            printf("%s:%d: %s does not hold\r\n", __FILE__, __LINE__, #x);                         \
            vAssertCalled();                                                                       \
        }                                                                                          \
    } while (0)

#endif
